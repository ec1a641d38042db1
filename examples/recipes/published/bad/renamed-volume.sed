compose.yml s/1\.1\.0/1.0.0/g
compose.yml s/\bstore:/data:/

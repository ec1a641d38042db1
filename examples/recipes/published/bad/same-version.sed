compose.yml s/kv:1\.1\.0/kv:1.0.0/

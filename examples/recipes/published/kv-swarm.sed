compose.yml s/1\.1\.0/1.0.0/g
tests/upgrade.sh s/1\.1\.0/1.0.0/

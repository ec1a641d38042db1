www/index.html s/1\.1\.0/1.0.0/

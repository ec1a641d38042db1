compose.yml s/1\.1\.0/1.0.0/g
abra.sh s/APP_CONF_VERSION=v2/APP_CONF_VERSION=v1/
app.conf.tmpl 1s/$/ (old)/

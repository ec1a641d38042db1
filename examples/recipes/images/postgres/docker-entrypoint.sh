#!/bin/sh
# As the official image does it: the first start makes the cluster, the user and the database; POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE say which.
set -e
export PGDATA=${PGDATA:-/var/lib/postgresql/data}
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
if [ -n "$POSTGRES_PASSWORD_FILE" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
mkdir -p "$PGDATA" /var/run/postgresql
chown -R postgres:postgres "$PGDATA" /var/run/postgresql
chmod 0700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" > /tmp/password
    chown postgres /tmp/password
    # A cluster that is half made is worse than none: it is made beside, and moved in one step each.
    rm -rf "$PGDATA/new"
    su postgres -c "initdb -D $PGDATA/new -U $POSTGRES_USER -E UTF8 --locale=C --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password --no-sync" > /dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >> "$PGDATA/new/pg_hba.conf"
    su postgres -c "pg_ctl -D $PGDATA/new -o \"-c listen_addresses=''\" -w start" > /dev/null
    [ "$POSTGRES_DB" = postgres ] || createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
    su postgres -c "pg_ctl -D $PGDATA/new -m fast -w stop" > /dev/null
    for one in "$PGDATA"/new/*; do [ "${one##*/}" = PG_VERSION ] || mv "$one" "$PGDATA/"; done
    mv "$PGDATA/new/PG_VERSION" "$PGDATA/"
    rm -rf "$PGDATA/new"
fi
exec su postgres -c "exec postgres -D $PGDATA -c listen_addresses='*'"

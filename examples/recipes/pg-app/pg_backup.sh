#!/bin/sh
# The dump hooks, as recipes of Co-op Cloud have them: `backup` writes one file beside the cluster, `restore` makes the database what it says.
set -e
DATA=/var/lib/postgresql/data
BACKUP_FILE=$DATA/backup.sql

backup() {
    pg_dump -U "$POSTGRES_USER" "$POSTGRES_DB" > "$BACKUP_FILE"
}

restore() {
    restore_config() {
        cat "$DATA/pg_hba.conf.bak" > "$DATA/pg_hba.conf"
        su postgres -c "pg_ctl -D $DATA reload"
    }

    # Nobody but us while the database is made anew.
    cp "$DATA/pg_hba.conf" "$DATA/pg_hba.conf.bak"
    echo "local all all trust" > "$DATA/pg_hba.conf"
    su postgres -c "pg_ctl -D $DATA reload"
    trap restore_config EXIT INT TERM

    psql -U "$POSTGRES_USER" -d postgres -c "DROP DATABASE $POSTGRES_DB WITH (FORCE)"
    createdb -U "$POSTGRES_USER" -T template0 "$POSTGRES_DB" --maintenance-db=postgres
    psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v ON_ERROR_STOP=1 -1 -q -f "$BACKUP_FILE"
}

"$@"

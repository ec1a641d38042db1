#!/bin/sh
# Runs a program beside the instance: in its folder, with its environment. The program and its arguments come after this command's own.
. "$(dirname "$0")/lib.sh"
. "$unit/unit"
set -a
. "$ENV_FILE"
set +a
cd "$FOLDER"
exec "$@"

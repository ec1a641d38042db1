#!/bin/sh
# Stops what runs, starts the new revision, says what runs now. Standard output is for lap, standard error for people.
. "$(dirname "$0")/lib.sh"
mkdir -p "$unit"
refuse_older
echo '{"step":"stop"}'
halt "$unit"
echo '{"step":"start"}'
[ ! -f "$unit/unit" ] || cp "$unit/unit" "$unit/previous"
{
    echo "COMPONENT=$LAPTIME_COMPONENT REVISION=$LAPTIME_REVISION ARTIFACT=$LAPTIME_ARTIFACT KEY=$LAPTIME_DEPLOYMENT_KEY"
    echo "FINGERPRINT=$LAPTIME_FINGERPRINT TRANSACTION=$LAPTIME_TRANSACTION FENCE=$LAPTIME_FENCE SINCE=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "PORT=${LAPTIME_PORT:-}"
    echo "LOADED=$(quoted "${LAPTIME_LOADED:-}")"
    echo "FOLDER=$(quoted "$LAPTIME_ARTIFACT_FOLDER")"
    echo "ENV_FILE=$(quoted "$LAPTIME_ENV_FILE")"
    echo "COMMAND=$(quoted "$LAPTIME_COMMAND")"
} > "$unit/unit.new"
mv "$unit/unit.new" "$unit/unit"
launch "$unit"
item "$unit"

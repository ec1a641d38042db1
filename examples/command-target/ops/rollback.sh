#!/bin/sh
# Runs after a rollout that failed at any point, perhaps before it did anything: what served before serves again.
. "$(dirname "$0")/lib.sh"
[ -f "$unit/unit" ] || exit 0
( . "$unit/unit"; [ "$REVISION" = "$LAPTIME_REVISION" ] && [ "$TRANSACTION" = "$LAPTIME_TRANSACTION" ] ) || {
    # The new one was not written yet; but what ran may have been stopped for it.
    alive "$unit" || launch "$unit"
    exit 0
}
halt "$unit"
if [ -f "$unit/previous" ]; then
    mv "$unit/previous" "$unit/unit"
    launch "$unit"
else
    rm -rf "$unit"
fi

#!/bin/sh
. "$(dirname "$0")/lib.sh"
[ "$LAPTIME_FOLLOW" = 0 ] || exec tail -n "$LAPTIME_LINES" -F "$unit/log"
exec tail -n "$LAPTIME_LINES" "$unit/log"

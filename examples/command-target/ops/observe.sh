#!/bin/sh
# One line of JSON for each unit; nothing when nothing was rolled out.
. "$(dirname "$0")/lib.sh"
for each in "$state"/*/unit; do
    [ ! -f "$each" ] || item "$(dirname "$each")"
done

#!/bin/sh
# Notes can be written and come back.
set -e
curl -sf --max-time 10 --data-binary "bread, milk" "$RECIPE_URL/cgi-bin/notes" | grep -qx "bread, milk"

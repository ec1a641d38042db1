#!/bin/sh
# An item that is written can be read, and one that is not there is 404.
set -e
curl -sf --max-time 10 --data-binary "bread" "$RECIPE_URL/cgi-bin/item?shopping"
[ "$(curl -sf --max-time 10 "$RECIPE_URL/cgi-bin/item?shopping")" = bread ]
[ "$(curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$RECIPE_URL/cgi-bin/item?nothing")" = 404 ]

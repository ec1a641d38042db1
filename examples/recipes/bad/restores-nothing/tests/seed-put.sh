#!/bin/sh
# NAME VALUE
exec curl -sf --max-time 10 --data-binary "$2" "$RECIPE_URL/cgi-bin/item?$1"

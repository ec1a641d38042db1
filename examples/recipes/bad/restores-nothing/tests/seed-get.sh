#!/bin/sh
# NAME
exec curl -sf --max-time 10 "$RECIPE_URL/cgi-bin/item?$1"

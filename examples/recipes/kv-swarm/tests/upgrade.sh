#!/bin/sh
# What runs says itself which version it is.
set -e
said=$(curl -sf --max-time 10 "$RECIPE_URL/cgi-bin/version")
echo "it says $said"
[ "$said" = 1.1.0 ]

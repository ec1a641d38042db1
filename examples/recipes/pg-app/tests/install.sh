#!/bin/sh
# The settings of the dependency reach the application by its config.
set -e
said=$(curl -sf --max-time 10 "$RECIPE_URL/cgi-bin/version")
echo "$said"
echo "$said" | grep -qx "settings = http://.*"

#!/bin/sh
# delete NAME
exec python3 - "$RECIPE_URL/items/$1" <<'PY'
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="DELETE"), timeout=10)
PY

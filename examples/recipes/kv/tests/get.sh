#!/bin/sh
# get NAME
exec python3 - "$RECIPE_URL/items/$1" <<'PY'
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
PY

#!/bin/sh
# An item that was never written is a 404, not an empty answer.
exec python3 - "$RECIPE_URL/items/never-written" <<'PY'
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as e:
    sys.exit(0 if e.code == 404 else f"it answers {e.code}")
sys.exit("it answers something")
PY

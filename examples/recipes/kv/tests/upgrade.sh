#!/bin/sh
# The version that answers is the one that was asked for.
exec python3 - "$RECIPE_URL/version" "$RECIPE_VERSION" <<'PY'
import sys, urllib.request
said = urllib.request.urlopen(sys.argv[1], timeout=10).read().decode().split()[0]
print(f"/version says {said}")
sys.exit(0 if said == sys.argv[2] else 1)
PY

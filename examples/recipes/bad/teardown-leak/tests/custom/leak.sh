#!/bin/sh
exec docker run --detach --rm --name "$RECIPE_DEPLOYMENT-holder" --volume "${RECIPE_DEPLOYMENT}_data:/held" --entrypoint sleep laptime.example/kv:1.1.0 60

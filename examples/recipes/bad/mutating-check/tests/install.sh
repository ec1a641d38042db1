#!/bin/sh
exec docker service update --detach --quiet --label-add a=b "${RECIPE_DEPLOYMENT}_app"

#!/bin/sh
# What must stand before the shop can: a swarm of this one machine, and the network of infra/network.env. May be repeated: what stands as wanted is left alone.
set -eu
. infra/network.env
if [ "$(docker info --format '{{.Swarm.ControlAvailable}}')" != true ]; then
  docker swarm init --advertise-addr 127.0.0.1
fi

wanted="mtu=$MTU"
there=$(docker network inspect --format '{{index .Labels "shop.wanted"}}' "$NETWORK" 2> /dev/null || true)
if [ "$there" = "$wanted" ]; then
  exit 0
fi

if docker network inspect "$NETWORK" > /dev/null 2>&1; then
  # Docker changes no network that is there: what uses it goes with it, and is deployed again in the same transaction.
  id=$(docker network inspect --format '{{.ID}}' "$NETWORK")
  for service in $(docker service ls --quiet); do
    if docker service inspect --format '{{range .Spec.TaskTemplate.Networks}}{{.Target}} {{end}}' "$service" | grep -q -e "$id" -e "$NETWORK"; then
      echo "removed with its network: $(docker service inspect --format '{{.Spec.Name}}' "$service")"
      docker service rm "$service" > /dev/null
    fi
  done
  # It is gone when the last task has left it.
  left=120
  while docker network inspect "$NETWORK" > /dev/null 2>&1; do
    docker network rm "$NETWORK" > /dev/null 2>&1 || true
    left=$((left - 1))
    [ $left -gt 0 ] || { echo "the network $NETWORK is still in use" >&2; exit 1; }
    sleep 0.25
  done
fi

docker network create --driver overlay --attachable --opt "com.docker.network.driver.mtu=$MTU" --label "shop.wanted=$wanted" "$NETWORK"

#!/usr/bin/env bash
# A Docker engine of its own for one test program: engine.sh FOLDER
#
# Commands come on the standard input, one a line; each is answered with one line, "ok ..." or "failed REASON":
#   start   starts dockerd and waits until it answers (also after stop and kill: containers and the swarm are as they were)
#   swarm   makes it a swarm manager
#   stop    ends dockerd with SIGTERM and waits for its end
#   kill    ends dockerd with SIGKILL, as a crash would; containerd and the containers live on, as they do where it is a service of its own
# The end of the standard input (the test program ended, in whatever way) ends everything and removes what is left.
#
# Several engines live side by side on one machine: each claims a number N by a lock, and by it has its own bridges (lapN, lapgN), subnets
# (10.213.N.0/24 and 10.214.N.0/24 for the bridges, half of 10.100+N/2.0.0/16 for networks of the tests), loopback address for the swarm
# (127.0.0.N) and VXLAN port (4789+N). The firewall is left alone: published ports are served by docker-proxy on all addresses of the host.
set -uo pipefail
folder=${1:?FOLDER}
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
socket=$folder/docker.sock
log=$folder/dockerd.log
number=0
daemon=0
containers=0

fail() { echo "failed $*" | tr '\n' ' '; echo; }

answers() { curl --silent --fail --max-time 5 --output /dev/null --unix-socket "$socket" "http://engine/_ping"; }

claim() {
    local n
    mkdir -p /tmp/laptime-engines
    for n in $(seq 1 99); do
        exec {lock}<> "/tmp/laptime-engines/$n.lock" || return 1
        if flock --nonblock "$lock"; then
            number=$n
            # Whoever had the number last and was killed with SIGKILL could not clean up after itself.
            sweep "$(cat "/tmp/laptime-engines/$n.lock")"
            printf '%s' "$folder" > "/tmp/laptime-engines/$n.lock"
            return 0
        fi
        exec {lock}>&-
    done
    return 1
}

start() {
    local program bridge
    [ "$(id -u)" = 0 ] || { fail "dockerd needs root"; return; }
    for program in dockerd docker containerd runc ip curl flock setpriv; do
        command -v "$program" > /dev/null || { fail "$program is not installed"; return; }
    done
    if [ "$number" = 0 ]; then
        claim || { fail "no free number for an engine: are 99 of them running?"; return; }
        mkdir -p "$folder"
        echo '{}' > "$folder/daemon.json"
    fi
    if [ "$containers" = 0 ]; then
        # Its own containerd, as on any Debian: a crash of dockerd is then one of dockerd alone.
        cat > "$folder/containerd.toml" << END
version = 2
root = "$folder/containerd"
state = "$folder/exec/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$folder/exec/containerd.sock"
END
        (
            # Not its lock: containers live on when this script is killed, and would hold it.
            eval "exec $lock>&-"
            exec setpriv --pdeathsig KILL containerd --config "$folder/containerd.toml" --log-level warn < /dev/null >> "$folder/containerd.log" 2>&1
        ) &
        containers=$!
    fi
    bridge=lap$number
    if ! ip link show "$bridge" > /dev/null 2>&1; then
        { ip link add "$bridge" type bridge && ip addr add "10.213.$number.1/24" dev "$bridge" && ip link set "$bridge" up; } 2> "$folder/ip.log" \
            || { fail "no bridge for containers: $(cat "$folder/ip.log")"; return; }
    fi
    # Ends with this script even when that is killed.
    (
        eval "exec $lock>&-"
        exec setpriv --pdeathsig KILL dockerd --config-file "$folder/daemon.json" --host "unix://$socket" --group root \
            --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
            --containerd "$folder/exec/containerd.sock" --containerd-namespace "laptime-$number" --containerd-plugins-namespace "laptime-plugins-$number" \
            --bridge "$bridge" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
            --default-address-pool "base=10.$((100 + number / 2)).$((number % 2 * 128)).0/17,size=24" \
            --cgroup-parent "/laptime-$number" --shutdown-timeout 2 < /dev/null >> "$log" 2>&1
    ) &
    daemon=$!
    local deadline=$((SECONDS + 60))
    until answers; do
        kill -0 "$daemon" 2> /dev/null || { fail "dockerd ended: $(last_errors)"; return; }
        [ "$SECONDS" -lt "$deadline" ] || { fail "dockerd does not answer within 60 s: $(last_errors)"; return; }
        sleep 0.01
    done
    echo "ok $socket 127.0.0.$number"
}

last_errors() { grep -E '^(failed|Error|flag|unknown)|level=(error|fatal)' "$log" | tail -3 | cut -c 1-400; }

swarm() {
    local said
    # The bridge that tasks leave their overlay by has one name on a machine unless it is made beforehand.
    docker --host "unix://$socket" network inspect docker_gwbridge > /dev/null 2>&1 \
        || said=$(docker --host "unix://$socket" network create --subnet "10.214.$number.0/24" --opt "com.docker.network.bridge.name=lapg$number" \
            --opt com.docker.network.bridge.enable_icc=false --opt com.docker.network.bridge.enable_ip_masquerade=false docker_gwbridge 2>&1) \
        || { fail "$said"; return; }
    said=$(docker --host "unix://$socket" swarm init --advertise-addr "127.0.0.$number" --listen-addr "127.0.0.$number:2377" \
        --data-path-addr "127.0.0.$number" --data-path-port "$((4789 + number))" 2>&1) \
        || { fail "$said"; return; }
    echo ok
}

stop() {
    [ "$daemon" = 0 ] || { kill "-$1" "$daemon"; wait "$daemon"; } 2> /dev/null
    daemon=0
    echo ok
}

# Processes of the engine with a folder: those that name it, and what runs in its control groups.
processes() {
    # The patterns come on standard input: grep would find itself otherwise.
    {
        grep -lsaF -f - /proc/[0-9]*/cmdline <<< "$1/exec"
        grep -lsE -f - /proc/[0-9]*/cgroup <<< ":/laptime-$number/"
    } 2> /dev/null | cut -d / -f 3 | sort -u | grep -vx $$
}

# Removes everything of the engine with this number and folder.
sweep() {
    local old=$1 pids turn name
    case $old in */laptime-engine-*) ;; *) return 0 ;; esac
    for turn in $(seq 1 100); do
        pids=$(processes "$old")
        [ -n "$pids" ] || break
        # shellcheck disable=SC2086
        kill -KILL $pids 2> /dev/null
        sleep 0.02
    done
    awk -v folder="$old/" 'index($2, folder) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r name; do umount -l "$name" 2> /dev/null; done
    rm -rf -- "$old"
    ip -o link show type bridge 2> /dev/null | awk -F': ' '{ print $2 }' | while read -r name; do
        case $name in
            "lap$number" | "lapg$number") ip link delete "$name" ;;
            # Networks that tests made and left.
            br-*) ip -o -4 addr show dev "$name" | grep -qE " 10\.$((100 + number / 2))\.$([ $((number % 2)) = 0 ] && echo '([0-9]|[0-9][0-9]|1[01][0-9]|12[0-7])' || echo '(12[89]|1[3-9][0-9]|2[0-9][0-9])')\." \
                && ip link delete "$name" ;;
        esac
    done 2> /dev/null
    # Interfaces of networks whose namespaces went before their engine did: the next engine of this number would ask for the same ones, and be refused.
    ip -o -d link show type vxlan 2> /dev/null | grep -w "dstport $((4789 + number))" | awk -F': ' '{ print $2 }' | while read -r name; do ip link delete "${name%%@*}"; done 2> /dev/null
    find /sys/fs/cgroup -mindepth 1 -depth -type d -path "*/laptime-$number/*" -exec rmdir {} + 2> /dev/null
    find /sys/fs/cgroup -mindepth 1 -depth -type d -name "laptime-$number" -exec rmdir {} + 2> /dev/null
    return 0
}

end() {
    trap - EXIT
    # Nobody needs to hear which of its jobs bash saw killed.
    exec 2> /dev/null
    [ "$number" != 0 ] || exit 0
    # Never a 0: that is this process group, with the test program in it.
    [ "$daemon" = 0 ] || kill -KILL "$daemon"
    [ "$containers" = 0 ] || kill -KILL "$containers"
    wait
    sweep "$folder"
    : > "/tmp/laptime-engines/$number.lock"
    exit 0
}
trap end EXIT
trap 'exit 1' INT TERM HUP

while read -r command; do
    case $command in
        start) start ;;
        swarm) swarm ;;
        stop) stop TERM ;;
        kill) stop KILL ;;
        *) fail "no such command: $command" ;;
    esac
done

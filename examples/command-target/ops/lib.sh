# What the commands share. A unit is a folder: `unit` is what was asked for, `previous` what stood before it, `pid` the session that runs it,
# `exit` its exit code once it ended by itself, `log` what it printed.
set -eu
state=${OPS_STATE:-.ops}/$LAPTIME_ENVIRONMENT
mkdir -p "$state"
[ -z "${LAPTIME_COMPONENT:-}" ] || unit=$state/$LAPTIME_COMPONENT

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# A process id alone may be somebody else's by now: when it started makes it ours. One that ended and was not collected yet (Z) is gone.
started() { ps -o stat=,lstart= -p "$1" 2> /dev/null | sed '/^Z/d; s/^[^ ]* *//' || true; }
alive() { [ -f "$1/pid" ] && read -r pid when < "$1/pid" && [ -n "$when" ] && [ "$(started "$pid")" = "$when" ]; }

halt() {
    alive "$1" || return 0
    read -r pid when < "$1/pid"
    kill -TERM "-$pid" 2> /dev/null || true
    tries=0
    while alive "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || kill -KILL "-$pid" 2> /dev/null || true
        sleep 0.1
    done
}

launch() {
    rm -f "$1/exit" "$1/pid"
    here=$(cd "$1" && pwd -P)
    # A session of its own, so that everything it starts ends with it; nothing of lap's is left open in it.
    (
        . "$1/unit"
        set -a
        . "$ENV_FILE"
        set +a
        cd "$FOLDER"
        UNIT=$here COMMAND=$COMMAND exec setsid sh -c 'sh -c "$COMMAND"; echo $? > "$UNIT/exit"' >> "$here/log" 2>&1 < /dev/null
    ) &
    echo "$! $(started $!)" > "$1/pid.new"
    mv "$1/pid.new" "$1/pid"
}

# The last lines of the log as a JSON array.
tail_json() {
    [ ! -f "$1/log" ] || tail -n 20 "$1/log" | tr -d '\000-\010\013-\037' | sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g; s/.*/"&"/' | paste -sd, - | sed 's/.*/,"tail":[&]/'
}

item() {
    (
        . "$1/unit"
        if alive "$1"; then what='"state":"running","instances":1'
        elif [ -f "$1/exit" ]; then what="\"state\":\"exited\",\"instances\":0,\"exitCode\":$(cat "$1/exit")$(tail_json "$1")"
        else what="\"state\":\"exited\",\"instances\":0$(tail_json "$1")"; fi
        [ -z "$PORT" ] || what="$what,\"endpoint\":\"http://127.0.0.1:$PORT\""
        [ -z "${LOADED+set}" ] || what="$what,\"loaded\":\"$LOADED\""
        printf '{"component":"%s","revision":"%s","artifact":"%s","deploymentKey":"%s","fingerprint":"%s","transaction":"%s","fence":%s,"since":"%s","of":1,%s}\n' \
            "$COMPONENT" "$REVISION" "$ARTIFACT" "$KEY" "$FINGERPRINT" "$TRANSACTION" "$FENCE" "$SINCE" "$what"
    )
}

# Whoever comes with an older fence lost the lock meanwhile. 20 is lap's exit code for it.
refuse_older() {
    [ -f "$unit/unit" ] || return 0
    ( . "$unit/unit"; [ "$FENCE" -le "$LAPTIME_FENCE" ] ) || { echo "a later transaction changed $LAPTIME_COMPONENT" >&2; exit 20; }
}

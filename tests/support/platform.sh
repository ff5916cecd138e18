# shellcheck shell=bash
# A running platform for suites that need the whole of it. Sourced after script/lib.sh and
# script/demo.sh; ends what it started, whatever ends the script.

: "${root:?script/lib.sh comes first}"
work=$(mktemp -d)
host_pid=

platform_end() {
    local code=$?
    if [ -n "$host_pid" ]; then
        kill "$host_pid" 2>/dev/null || true
        wait "$host_pid" || code=1
    fi
    if [ "$code" -ne 0 ] && [ -f "$work/host.log" ]; then
        printf 'the end of what the host logged:\n' >&2
        grep -v '"message":"request"' "$work/host.log" | tail -n 40 >&2 || true
    fi
    rm -rf "$work"
    exit "$code"
}
trap platform_end EXIT

# platform_data SCALE COMMAND...: runs COMMAND, which prepares what else the suite needs, and makes the
# demonstration data ($demo_dir). Suites that run side by side share both, so one waits for the other.
platform_data() {
    local scale=$1
    shift
    demo_dir=$root/build/demo-$scale
    mkdir -p build
    exec 9>build/platform.lock
    flock 9
    if (($#)); then "$@"; fi
    demo_data "$demo_dir" "$scale" "$(beijing_day)"
    flock -u 9
}

# platform_load: a new store with $demo_dir at CIM_VAR. Loading takes longer than most suites, so it is
# done once for all that run the same programs over the same data; each gets a copy.
platform_load() {
    local loaded key
    : "${host_binary:?use_build comes first}"
    loaded=$root/build/platform-$(basename "$demo_dir")
    key=$(cat "$demo_dir/inputs")-$(hash_of "$host_binary" "$CIM_PLUGINS_DIRS" script/demo.sh)
    flock 9
    if [ ! -f "$loaded/key" ] || [ "$(cat "$loaded/key")" != "$key" ]; then
        rm -rf "$loaded"
        mkdir -p "$loaded"
        CIM_VAR=$loaded/var demo_load "$demo_dir"
        printf '%s' "$key" >"$loaded/key"
    fi
    flock -u 9
    cp -r "$loaded/var" "$CIM_VAR"
}

# platform_accounts FILE: gives all accounts of the store at CIM_VAR one new password, and keeps it in FILE.
platform_accounts() {
    (umask 077 && printf 'Test-%s' "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')" >"$1")
    demo_passwords "$1"
}

# platform_start [SETTING...]: loads $demo_dir into a new store and serves it on a free port. Sets
# CIM_URL, CIM_DEMO_PASSWORD and host_pid.
# shellcheck disable=SC2120
platform_start() {
    local start_seconds=120 i
    : "${host_binary:?use_build comes first}"
    export CIM_VAR=$work/var
    platform_load
    if [ ! -f "$work/password" ]; then platform_accounts "$work/password"; fi
    CIM_DEMO_PASSWORD=$(cat "$work/password")
    export CIM_DEMO_PASSWORD
    # The process itself and not a subshell, so that the pid is the host's.
    "$host_binary" serve --http.port=0 "$@" >"$work/address" 2>"$work/host.log" &
    host_pid=$!
    CIM_URL=
    for ((i = 0; i < start_seconds * 10; i++)); do
        kill -0 "$host_pid" 2>/dev/null || die "the host did not start"
        CIM_URL=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$work/address") &&
            curl -fsS -o "$work/ready" "$CIM_URL/ready" 2>"$work/curl" && break
        CIM_URL=
        sleep 0.1
    done
    [ -n "$CIM_URL" ] || die "the host was not ready within $start_seconds s"
    export CIM_URL
}

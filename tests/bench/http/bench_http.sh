#!/usr/bin/env bash
# Requests per second and server CPU per request, beside nginx with the same bytes in the same run.
#
#   bench_http.sh [BENCH_HTTP] [SECONDS]
#
# BENCH_HTTP: the program bench_http (beside this script when left out). Everything listens on the
# loopback. Access logs are off on both sides, no compression on either.
set -euo pipefail
export LC_ALL=C

program=${1:-$(dirname "$0")/bench_http}
seconds=${2:-4}
for tool in nginx wrk; do
    command -v "$tool" >/dev/null || {
        printf 'bench_http: %s is missing (Debian: nginx-light, wrk)\n' "$tool" >&2
        exit 1
    }
done

dir=$(mktemp -d)
pids=()
stop() {
    exec 9>&- || true
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    rm -rf "$dir"
}
trap stop EXIT

# CPU milliseconds of a process and its children so far.
cpu_ms() {
    local pid sum=0 ticks
    for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
        ticks=$(sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}')
        sum=$((sum + ticks))
    done
    printf '%d' $((sum * 1000 / $(getconf CLK_TCK)))
}

# measure NAME URL PID CONNECTIONS
measure() {
    local name=$1 url=$2 pid=$3 connections=$4 before after out requests rate
    wrk -t1 -c"$connections" -d1 "$url" >/dev/null
    before=$(cpu_ms "$pid")
    out=$(wrk -t1 -c"$connections" -d"$seconds" --latency "$url")
    after=$(cpu_ms "$pid")
    requests=$(awk '/requests in/ {print $1}' <<<"$out")
    rate=$(awk '/Requests\/sec/ {print $2}' <<<"$out")
    if grep -q 'Non-2xx' <<<"$out"; then
        printf 'bench_http: %s answered with errors\n%s\n' "$name" "$out" >&2
        exit 1
    fi
    printf '%-34s %4d %10.0f %10.1f %10s %10s\n' "$name" "$connections" "$rate" \
        "$(awk -v c=$((after - before)) -v n="$requests" 'BEGIN {print c * 1000 / n}')" \
        "$(awk '/50%/ {print $2}' <<<"$out")" "$(awk '/99%/ {print $2}' <<<"$out")"
}

# nginx: one worker, the file in its cache of open files.
mkdir -p "$dir/www" "$dir/tmp"
head -c 20480 /dev/zero | tr '\0' x >"$dir/www/fixed"
printf '{"status":"ok"}' >"$dir/www/health"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$dir/nginx.conf" <<EOF
worker_processes 1;
pid $dir/nginx.pid;
error_log stderr crit;
daemon off;
user root;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    open_file_cache max=100;
    default_type application/octet-stream;
    client_body_temp_path $dir/tmp; proxy_temp_path $dir/tmp; fastcgi_temp_path $dir/tmp;
    uwsgi_temp_path $dir/tmp; scgi_temp_path $dir/tmp;
    server { listen 127.0.0.1:$port backlog=1024; root $dir/www; }
}
EOF
nginx -c "$dir/nginx.conf" &
nginx_pid=$!
pids+=("$nginx_pid")

mkfifo "$dir/in"
"$program" 1 <"$dir/in" >"$dir/port" &
host_pid=$!
pids+=("$host_pid")
exec 9>"$dir/in"
for _ in $(seq 100); do
    if [ -s "$dir/port" ] && [ -s "$dir/nginx.pid" ]; then break; fi
    sleep 0.05
done
host=http://127.0.0.1:$(cat "$dir/port")
nginx=http://127.0.0.1:$port

printf '%-34s %4s %10s %10s %10s %10s\n' "what" "conn" "requests/s" "CPU us/req" "p50" "p99"
for connections in 8 64; do
    measure "nginx, file of 20 KB" "$nginx/fixed" "$nginx_pid" "$connections"
    measure "host, 20 KB on the event thread" "$host/event" "$host_pid" "$connections"
    measure "host, 20 KB by a worker" "$host/worker" "$host_pid" "$connections"
    measure "host, 20 KB streamed in 5 pieces" "$host/stream" "$host_pid" "$connections"
    measure "nginx, file of 15 bytes" "$nginx/health" "$nginx_pid" "$connections"
    measure "host, /health" "$host/health" "$host_pid" "$connections"
done

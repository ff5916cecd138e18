#!/usr/bin/env bash
# Tiles in process at three sizes, beside SQLite, supercluster, PostGIS and MapServer over the same points; then a
# cached tile over HTTP beside nginx with the same bytes as a file.
#
#   bench_map.sh ROOT BUILD_DIR
#
#   CIM_BENCH_POINTS   sizes ("200000 2000000 20000000"); the peers get the largest up to 2 million
#   CIM_BENCH_SCALE    share of the real numbers in the data that are served (0.02)
root=$(realpath "${1:?ROOT of the tree}")
# shellcheck source=script/lib.sh
. "$root/script/lib.sh"
# shellcheck source=script/demo.sh
. script/demo.sh
use_build "$(realpath --relative-to="$root" "${2:?BUILD_DIR}")"
here=tests/bench/map
program=$root/$2/tests/bench/map/bench_map_tiles
[ -x "$program" ] || program=$2/tests/bench/map/bench_map_tiles
read -ra sizes <<<"${CIM_BENCH_POINTS:-200000 2000000 20000000}"
work=$(mktemp -d)
chmod 755 "$work"
host_pid=
nginx_pid=
finish() {
    local pid
    for pid in $host_pid $nginx_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    rm -rf "$work"
}
trap finish EXIT

peers=0
for n in "${sizes[@]}"; do
    "$program" "$n"
    if ((n <= 2000000 && n > peers)); then peers=$n; fi
done
"$program" shapes

if ((peers)); then
    printf '\npeers over the same %s points and tiles\n' "$peers"
    "$program" "$peers" dump "$work/points" "$work/addresses"
    npm_packages "$here"
    node --max-old-space-size=8000 "$here/supercluster.mjs" "$work/points" "$work/addresses"
    python3 tests/support/pg.py -- python3 "$here/postgis.py" "$work/points" "$work/addresses"
    python3 "$here/mapserver.py" "$work/points" "$work/addresses" "$work"
fi

# ---- over HTTP ----
scale=${CIM_BENCH_SCALE:-0.02}
data=$root/build/demo-$scale
demo_data "$data" "$scale" "$(beijing_day)"
export CIM_VAR=$work/var
demo_load "$data" >"$work/load.log"
password=Bench-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && printf '%s' "$password" >"$work/password")
demo_passwords "$work/password"
"$host_binary" serve --no-supervisor --http.port=0 --http.client_max=100 --log.access=false >"$work/address" 2>"$work/host.log" &
host_pid=$!
url=
for ((i = 0; i < 600; i++)); do
    kill -0 "$host_pid" 2>/dev/null || die "the host did not start: $(tail -n 3 "$work/host.log")"
    url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$work/address") &&
        curl -fsS -o "$work/ready" "$url/ready" 2>"$work/curl" && break
    url=
    sleep 0.1
done
[ -n "$url" ] || die "the host was not ready"
token=$(curl -fsS -H 'Content-Type: application/json' \
    -d "{\"username\":\"province\",\"password\":\"$password\"}" "$url/auth/token" |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
auth="Authorization: Bearer $token"
tile=collections/lpg.roads/tiles/WebMercatorQuad/8/113/206
mkdir -p "$work/www/$(dirname "$tile")"
curl -fsS --max-time 60 -H "$auth" -o "$work/www/$tile" "$url/$tile"
chmod -R a+rX "$work/www"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$work/tmp"
cat >"$work/nginx.conf" <<EOF
worker_processes 1;
pid $work/nginx.pid;
error_log stderr crit;
daemon off;
user root;
events { worker_connections 4096; }
http {
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
    default_type application/vnd.mapbox-vector-tile;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server { listen 127.0.0.1:$port backlog=1024; root $work/www; }
}
EOF
nginx -c "$work/nginx.conf" &
nginx_pid=$!
for ((i = 0; i < 100; i++)); do
    curl -fsS -o /dev/null "http://127.0.0.1:$port/$tile" 2>"$work/curl" && break
    sleep 0.05
done

cpu_ms() { # of a process and its children
    local pid total=0
    for pid in "$1" $(pgrep -P "$1"); do
        total=$((total + $(awk -v t="$(getconf CLK_TCK)" '{print int(($14 + $15) * 1000 / t)}' "/proc/$pid/stat")))
    done
    printf '%s' "$total"
}
measure() { # NAME PID CONNECTIONS URL
    local before after out
    wrk -t1 "-c$3" -d1 -H "$auth" "$4" >"$work/warm"
    before=$(cpu_ms "$2")
    out=$(wrk -t1 "-c$3" -d5 --latency -H "$auth" "$4")
    after=$(cpu_ms "$2")
    if grep -q 'Non-2xx' <<<"$out"; then die "$1 answered with errors"; fi
    awk -v name="$1" -v c="$3" -v cpu="$((after - before))" '/requests in/ {n = $1} /Requests\/sec/ {rate = $2}
        $1 == "50%" {p50 = $2} $1 == "99%" {p99 = $2}
        END {printf "%-34s %4d %10.0f %12.1f %9s %9s\n", name, c, rate, cpu * 1000 / n, p50, p99}' <<<"$out"
}
printf '\na tile of %s bytes over HTTP, not compressed\n' "$(stat -c %s "$work/www/$tile")"
printf '%-34s %4s %10s %12s %9s %9s\n' what conn "per s" "CPU us each" p50 p99
for connections in 8 64; do
    measure "ours, cached, signed in" "$host_pid" "$connections" "$url/$tile"
    measure "nginx, the same bytes as a file" "$nginx_pid" "$connections" "http://127.0.0.1:$port/$tile"
done

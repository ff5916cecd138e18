#!/usr/bin/env bash
# Writes and reads of the data module on both stores, and a file into them; PostgreSQL runs in a
# temporary cluster.
#
#   bench_data.sh ROOT BUILD_DIR
set -euo pipefail
root=$(realpath "${1:?ROOT of the tree}")
build=$(realpath "${2:?BUILD_DIR}")
self=$(realpath "$0")
rows=50000
if [ "${3:-}" != files ]; then
    "$build/tests/bench/data/bench_data" 20000
    python3 "$root/tests/support/pg.py" -- "$build/tests/bench/data/bench_data" 20000
    exec python3 "$root/tests/support/pg.py" -- "$self" "$root" "$build" files
fi

# Files, from the request to the last record, beside GDAL.
command -v ogr2ogr >/dev/null || { echo "ogr2ogr is missing (Debian: gdal-bin)" && exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CIM_PLUGINS_DIRS=$build/plugins CIM_LOG_LEVEL=error
host=$build/sdk-shim/host/main/cim-host
printf 'code,name,level,parent\n460000,海南省,province,\n460105,秀英区,county,460000\n' >"$work/areas.csv"
awk -v n=$rows 'BEGIN {
    print "user_no,consumer,kind,real_name_state,inspection_state,area_code,lon,lat"
    for (i = 0; i < n; i++)
        printf "U%08d,residential,resident,verified,passed,460105,%.6f,%.6f\n", i, 110.1 + i % 997 / 5000, 19.9 + i % 991 / 5000
}' >"$work/users.csv"

run() { # WHAT COMMAND...
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 || { printf '%s failed:\n' "$what" && cat "$work/log" && exit 1; }
}
rate() { # WHAT COMMAND...
    local start
    start=$(date +%s%N)
    run "$@"
    printf '%-44s %9d rows %10d rows/s\n' "$1" $rows $((rows * 1000000000 / ($(date +%s%N) - start)))
}
platform() { # NAME: a new one
    export CIM_VAR=$work/$1
    mkdir -m 700 "$CIM_VAR"
    run migrate "$host" migrate
    run areas "$host" areas import "$work/areas.csv"
    run plugin "$host" plugin enable lpg
}
database() { # NAME
    run database psql -q -h "$CIM_TEST_PG" -U cim -d postgres -c "create database $1 template cim_template"
}

printf -- '-- a file of %d rows\n' $rows
from_csv=("$work/users.csv" -oo X_POSSIBLE_NAMES=lon -oo Y_POSSIBLE_NAMES=lat -a_srs EPSG:4490)
platform embedded
rate "cim-host import, embedded" "$host" import "$work/users.csv" --layer=lpg.end-users --crs=cgcs2000
rate "cim-host export, embedded" "$host" export lpg.end-users "$work/out.gpkg"
rate "  ogr2ogr into a GeoPackage" ogr2ogr -f GPKG "$work/plain.gpkg" "${from_csv[@]}"
database ours
export CIM_STORE_URL="postgresql:///ours?host=${CIM_TEST_PG//\//%2F}&user=cim"
platform postgresql
rate "cim-host import, PostgreSQL" "$host" import "$work/users.csv" --layer=lpg.end-users --crs=cgcs2000
rate "cim-host export, PostgreSQL" "$host" export lpg.end-users "$work/out2.gpkg"
database plain
rate "  ogr2ogr into PostGIS (COPY)" ogr2ogr -f PostgreSQL "PG:host=$CIM_TEST_PG user=cim dbname=plain" "${from_csv[@]}"

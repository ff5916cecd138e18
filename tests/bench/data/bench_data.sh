#!/usr/bin/env bash
# Writes and reads of the data module on both stores; PostgreSQL runs in a temporary cluster.
#
#   bench_data.sh ROOT BUILD_DIR
set -euo pipefail
root=$(realpath "${1:?ROOT of the tree}")
build=$(realpath "${2:?BUILD_DIR}")
program=$build/tests/bench/data/bench_data
"$program" 20000
python3 "$root/tests/support/pg.py" -- "$program" 20000

# A file, from the request to the last record, beside GDAL.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CIM_VAR=$work/var CIM_PLUGINS_DIRS=$build/plugins
host=$build/sdk-shim/host/main/cim-host
mkdir -m 700 "$CIM_VAR"
printf 'code,name,level,parent\n460000,海南省,province,\n460105,秀英区,county,460000\n' >"$work/areas.csv"
awk 'BEGIN {
    print "user_no,consumer,kind,real_name_state,inspection_state,area_code,lon,lat"
    for (i = 0; i < 50000; i++)
        printf "U%08d,residential,resident,verified,passed,460105,%.6f,%.6f\n", i, 110.1 + i % 997 / 5000, 19.9 + i % 991 / 5000
}' >"$work/users.csv"
for words in migrate "areas import $work/areas.csv" "plugin enable lpg"; do
    # shellcheck disable=SC2086 # words of one verb
    "$host" $words --log.level=error >"$work/log" 2>&1 || { printf '%s failed:\n' "$words" && cat "$work/log" && exit 1; }
done
rate() { # WHAT COMMAND...
    local what=$1 start
    shift
    start=$(date +%s%N)
    "$@" >"$work/log" 2>&1 || { printf '%s failed:\n' "$what" && cat "$work/log" && exit 1; }
    printf '%-44s %9d rows %10d rows/s\n' "$what" 50000 $((50000 * 1000000000 / ($(date +%s%N) - start)))
}
printf -- '-- a file of 50000 rows\n'
rate "cim-host import, embedded" "$host" import "$work/users.csv" --layer=lpg.end-users --crs=wgs84 --log.level=error
command -v ogr2ogr >/dev/null || { echo "ogr2ogr is missing (Debian: gdal-bin)" && exit 1; }
rate "  ogr2ogr into a GeoPackage" ogr2ogr -f GPKG "$work/plain.gpkg" "$work/users.csv" -oo X_POSSIBLE_NAMES=lon \
    -oo Y_POSSIBLE_NAMES=lat -a_srs EPSG:4490

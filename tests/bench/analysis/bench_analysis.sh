#!/usr/bin/env bash
# Route hazards beside PostGIS and shortest ways beside pgRouting, which run in temporary clusters of
# their own; the choice of sites beside CBC and GLPK; where those are installed (Debian:
# postgresql-15-pgrouting, coinor-cbc, glpk-utils).
#
#   bench_analysis.sh ROOT BUILD_DIR
set -euo pipefail
root=$(realpath "${1:?ROOT of the tree}")
build=$(realpath "${2:?BUILD_DIR}")
python3 "$root/tests/support/pg.py" "$build/tests/bench/analysis/bench_analysis"
python3 "$root/tests/support/pg.py" "$build/tests/bench/analysis/bench_routes"

# The choice of sites; CIM_PMED_DIR holds OR-Library's pmed1.txt … pmed40.txt.
siting=$build/tests/bench/analysis/bench_siting
"$siting" ${CIM_PMED_DIR:+"$CIM_PMED_DIR"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
beside() { # KIND DEMANDS SITES P SECONDS
    "$siting" lp "$1" "$2" "$3" "$4" >"$work/case.lp"
    printf '%s %s x %s p %s, beside:\n' "$1" "$2" "$3" "$4"
    if command -v cbc >/dev/null; then
        { time cbc "$work/case.lp" -ratioGap 0.01 -seconds "$5" -solve -quit; } 2>&1 |
            grep -E '^(Objective value|Lower bound|Result|Gap|user)' | sed 's/^/  CBC  /' || true
    fi
    if command -v glpsol >/dev/null; then
        { time glpsol --lp "$work/case.lp" --mipgap 0.01 --tmlim "$5"; } 2>&1 |
            grep -E '^(TIME|INTEGER|RELATIVE|user)|^\+ .*%' | tail -n 3 | sed 's/^/  GLPK /' || true
    fi
}
beside median 200 100 10 120
beside coverage 2000 200 10 120
beside coverage 20000 1000 15 120

#!/usr/bin/env bash
# Route hazards beside PostGIS, which runs in a temporary cluster of its own.
#
#   bench_analysis.sh ROOT BUILD_DIR
set -euo pipefail
root=$(realpath "${1:?ROOT of the tree}")
build=$(realpath "${2:?BUILD_DIR}")
exec python3 "$root/tests/support/pg.py" "$build/tests/bench/analysis/bench_analysis"

#!/usr/bin/env bash
# Writes and reads of the data module on both stores; PostgreSQL runs in a temporary cluster.
#
#   bench_data.sh ROOT BUILD_DIR
set -euo pipefail
root=$(realpath "${1:?ROOT of the tree}")
build=$(realpath "${2:?BUILD_DIR}")
program=$build/tests/bench/data/bench_data
"$program" 20000
exec python3 "$root/tests/support/pg.py" -- "$program" 20000

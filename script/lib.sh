# shellcheck shell=bash
# What the scripts share. Sourced, never run.
set -euo pipefail
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '==> %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# A user's ccache makes a second build short; without one the build is the same, only slower.
cmake_args=(-DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
if command -v ccache >/dev/null; then
    cmake_args+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi

jobs() { nproc; }

# configure_and_build PRESET [TARGET...]
configure_and_build() {
    local preset=$1
    shift
    local targets=()
    if (($#)); then targets=(--target "$@"); fi
    logged "configure-$preset" cmake --preset "$preset" "${cmake_args[@]}" || return 1
    cmake --build "build/$preset" -j "$(jobs)" "${targets[@]}"
}

# Long output goes to a file under build/logs, so that the terminal keeps the steps readable.
log_of() {
    mkdir -p build/logs
    printf 'build/logs/%s.log' "$1"
}

# hash_of PATH...: one digest over the names and bytes of files; generated folders left out.
hash_of() {
    local path
    for path in "$@"; do
        [ -e "$path" ] || continue
        find "$path" \( -name node_modules -o -name dist \) -prune -o -type f -print0
    done | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -c1-64
}

# up_to_date STAMP HASH: whether the work that STAMP remembers was done on the same inputs.
up_to_date() { [ -f "build/stamps/$1" ] && [ "$(cat "build/stamps/$1")" = "$2" ]; }
remember() {
    mkdir -p build/stamps
    printf '%s' "$2" >"build/stamps/$1"
}

# logged NAME COMMAND...: its output in a log, the end of which is shown when it fails.
logged() {
    local log
    log=$(log_of "$1")
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        printf 'error: %s failed; all of it is in %s\n' "$*" "$log" >&2
        return 1
    }
}

packages_hash() { printf '%s-%s' "$(hash_of "$1/package.json" "$1/package-lock.json")" "$(node --version)"; }

# npm_packages DIR: what its lock file names, installed once.
npm_packages() {
    local dir=$1 name hash
    [ -f "$dir/package-lock.json" ] || {
        printf 'error: %s has no package-lock.json\n' "$dir" >&2
        return 1
    }
    name=npm-$(tr / - <<<"$dir")
    hash=$(packages_hash "$dir")
    if ! up_to_date "$name" "$hash" || [ ! -d "$dir/node_modules" ]; then
        printf '    %s: installing packages\n' "$dir"
        logged "$name" npm --prefix "$dir" ci --no-audit --no-fund --loglevel=error || return 1
        remember "$name" "$hash"
    fi
}

# Pages share code with each other, so each counts all of it as its input.
page_dirs=(plugin/web sdk-shim/console)

build_pages() {
    local dir name inputs
    for dir in "${page_dirs[@]}"; do
        npm_packages "$dir" || return 1
        name=page-$(tr / - <<<"$dir")
        inputs=$(packages_hash "$dir")-$(hash_of "${page_dirs[@]}")
        if ! up_to_date "$name" "$inputs" || [ ! -f "$dir/dist/index.html" ]; then
            printf '    %s: building\n' "$dir"
            logged "$name" npm --prefix "$dir" run build || return 1
            remember "$name" "$inputs"
        fi
    done
}

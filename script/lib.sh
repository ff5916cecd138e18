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
    cmake --preset "$preset" "${cmake_args[@]}" >"$(log_of configure-"$preset")" 2>&1 || {
        tail -n 40 "$(log_of configure-"$preset")" >&2
        return 1
    }
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

# Pages: each folder is an npm project; what it shares with the others counts as its input too.
page_dirs=(plugin/web sdk-shim/console)

# up_to_date STAMP HASH: whether the work that STAMP remembers was done on the same inputs.
up_to_date() { [ -f "build/stamps/$1" ] && [ "$(cat "build/stamps/$1")" = "$2" ]; }
remember() {
    mkdir -p build/stamps
    printf '%s' "$2" >"build/stamps/$1"
}

build_pages() {
    local dir name packages inputs
    for dir in "${page_dirs[@]}"; do
        [ -f "$dir/package-lock.json" ] || {
            printf 'error: %s has no package-lock.json\n' "$dir" >&2
            return 1
        }
        name=$(tr / - <<<"$dir")
        packages=$(hash_of "$dir/package.json" "$dir/package-lock.json")-$(node --version)
        if ! up_to_date "npm-$name" "$packages" || [ ! -d "$dir/node_modules" ]; then
            printf '    %s: installing packages\n' "$dir"
            (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error) \
                >"$(log_of npm-"$name")" 2>&1 || {
                tail -n 40 "$(log_of npm-"$name")" >&2
                return 1
            }
            remember "npm-$name" "$packages"
        fi
        inputs=$packages-$(hash_of "${page_dirs[@]}" styles layers)
        if ! up_to_date "page-$name" "$inputs" || [ ! -f "$dir/dist/index.html" ]; then
            printf '    %s: building\n' "$dir"
            (cd "$dir" && npm run build) >"$(log_of page-"$name")" 2>&1 || {
                tail -n 40 "$(log_of page-"$name")" >&2
                return 1
            }
            remember "page-$name" "$inputs"
        fi
    done
}

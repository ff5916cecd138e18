#!/usr/bin/env bash
# What cpack makes of a build: the Debian package's host finds its own files and enables its plugin;
# the plugin's bundle is enabled by that host, and refused once a file of it was changed.
# usage: packages.sh BUILD_DIR
set -euo pipefail
export LC_ALL=C.UTF-8
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    printf 'failed: %s\n' "$*" >&2
    exit 1
}
for generator in DEB TGZ ZIP; do
    cpack --config "$build/CPackConfig.cmake" -G "$generator" -B "$work/packed" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "cpack -G $generator"
    }
done
dpkg-deb -x "$work"/packed/cim-lpg_*.deb "$work/root"
mkdir "$work/bundle" "$work/zip"
tar -xzf "$work"/packed/lpg-*.tar.gz -C "$work/bundle"
unzip -q "$work"/packed/lpg-*.zip -d "$work/zip"
diff -r "$work/bundle" "$work/zip" || fail "the two bundles differ"

for file in usr/bin/cim-host usr/lib/cim/plugins/lpg/lpg.so usr/lib/cim/plugins/lpg/web/index.html \
    usr/share/cim/console/index.html usr/share/cim/host.json usr/include/cim/plugin.h \
    usr/lib/systemd/system/cim-host.service; do
    [ -s "$work/root/$file" ] || fail "the Debian package has no $file"
done
dpkg-deb -f "$work"/packed/cim-lpg_*.deb Depends | grep -q libmicrohttpd || fail "no dependencies"

host=$work/root/usr/bin/cim-host
export CIM_LOG_LEVEL=warning
# enable NAME PLUGINS: in a data directory of its own.
enable() { CIM_VAR=$work/var-$1 CIM_PLUGINS_DIRS=$2 "$host" plugin enable lpg >"$work/said-$1" 2>&1; }

enable deb "$work/root/usr/lib/cim/plugins" || fail "the packaged plugin: $(cat "$work/said-deb")"
enable bundle "$work/bundle/lib/cim/plugins" || fail "the bundle: $(cat "$work/said-bundle")"

changed=$work/bundle/lib/cim/plugins/lpg/layers/roads.json
printf ' ' >>"$changed"
if enable changed "$work/bundle/lib/cim/plugins"; then fail "a changed bundle was enabled"; fi
grep -q 'layers/roads.json.*SHA-256' "$work/said-changed" ||
    fail "the refusal does not name the file: $(cat "$work/said-changed")"

# The host reads the migrations of its package and not those of the tree it was built from.
printf 'nonsense;\n' >>"$work/root/usr/share/cim/host/migrations/store/0001_base.sql"
if enable migration "$work/root/usr/lib/cim/plugins"; then
    fail "the packaged host does not read the migrations of its package"
fi
printf 'packages: deb, tar.gz and zip are whole, enabled, and refused when changed\n'

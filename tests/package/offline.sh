#!/usr/bin/env bash
# The offline archive on a bare Debian 12 that has no network: what script/offline made is installed in a
# fresh tree inside an empty network namespace, and the platform migrates, enables its plugin and serves
# there. A damaged file and one that the list of checksums does not name are refused. Needs root.
# usage: offline.sh ARCHIVE.tar
set -euo pipefail
export LC_ALL=C.UTF-8
archive=$(realpath "$1")
[ "$(id -u)" -eq 0 ] || {
    printf 'failed: debootstrap, chroot and unshare need root\n' >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
tree=$work/tree
fail() {
    printf 'failed: %s\n' "$*" >&2
    exit 1
}

debootstrap --variant=minbase bookworm "$tree" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "debootstrap"
}
rm -f "$tree/etc/resolv.conf" "$tree"/var/cache/apt/archives/*.deb
mkdir "$tree/media/installer"
tar -xf "$archive" -C "$tree/media/installer" --strip-components=1

# inside COMMAND: in the tree, with a loopback interface and nothing else. The mounts go with it.
inside() {
    # shellcheck disable=SC2016 # for the shell inside
    unshare --net --mount --pid --fork bash -c '
        ip link set lo up && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$0" bash -euc "$1"' "$tree" "$1"
}

installer='cd /media/installer && ./install.sh'
touch "$tree/media/installer/repo/added.deb"
if inside "$installer" >"$work/said" 2>&1; then fail "a file that the list does not name was taken"; fi
grep -q 'repo/added.deb' "$work/said" || fail "the refusal does not name the added file: $(cat "$work/said")"
rm "$tree/media/installer/repo/added.deb"

damaged=$(find "$tree/media/installer/repo" -name 'adduser_*.deb')
cp "$damaged" "$work/whole" && printf x >>"$damaged"
if inside "$installer" >"$work/said" 2>&1; then fail "a damaged package was installed"; fi
grep -q "repo/$(basename "$damaged")" "$work/said" || fail "the refusal does not name the damaged file: $(cat "$work/said")"
cp "$work/whole" "$damaged"

inside "$installer" >"$work/said" 2>&1 || fail "the installer: $(tail -n 20 "$work/said")"
# shellcheck disable=SC2016 # for the shell inside
inside '
    export CIM_CONFIG=/usr/share/cim/host.json CIM_LOG_LEVEL=warning
    as_cim="setpriv --reuid=cim --regid=cim --clear-groups"
    cd /var/lib/cim
    $as_cim cim-host migrate
    $as_cim cim-host plugin enable lpg
    $as_cim cim-host serve &
    ask() { (exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET $1 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" >&3 && head -n 1 <&3) 2>/dev/null; }
    for _ in $(seq 100); do
        case "$(ask /ready)" in *" 200 "*) break ;; esac
        sleep 0.2
    done
    ask /apps/lpg/
    kill $!
    wait $!' >"$work/said" 2>&1 || fail "the platform: $(tail -n 20 "$work/said")"
grep -q '^HTTP/1.1 200' "$work/said" || fail "the map application did not answer: $(cat "$work/said")"
# Again, as an upgrade is run.
inside "$installer" >"$work/said" 2>&1 || fail "the installer, run again: $(tail -n 20 "$work/said")"
printf 'offline: installed without a network, served, and refused when changed\n'

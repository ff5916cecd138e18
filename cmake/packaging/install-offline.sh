#!/bin/sh
# Installs or upgrades the platform from this folder alone; no network is asked.
#
#   ./install.sh                        the platform
#   ./install.sh postgresql-15 ...      and servers that lie in repo/
#   ./install.sh --key=FILE ...         first proves the list of checksums with this public key
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "$0")" && pwd)
fail() {
    printf '错误 error: %s\n' "$*" >&2
    exit 1
}

key=
case "${1:-}" in
--key=*)
    key=${1#--key=}
    shift
    ;;
-*) fail "不认识的选项 unknown option: $1" ;;
esac
[ "$(id -u)" -eq 0 ] || fail "请以 root 身份运行 run this as root"
case "$here" in
*[!A-Za-z0-9._/-]*) fail "路径只能含字母、数字和 . _ - the path may hold letters, digits and . _ - only: $here" ;;
esac
# shellcheck source=/dev/null
distribution=$(. /etc/os-release && printf '%s' "${ID:-} ${VERSION_ID:-}")
[ "$distribution" = "debian 12" ] ||
    fail "本安装包适用于 Debian 12,不适用于 this archive is for Debian 12, not for: $distribution"

cd "$here"
if [ -n "$key" ]; then
    command -v openssl >/dev/null || fail "验证签名需要 openssl the signature needs openssl to be checked"
    openssl pkeyutl -verify -rawin -pubin -inkey "$key" -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null ||
        fail "SHA256SUMS 的签名不是此公钥的 SHA256SUMS is not signed by this key"
fi
sha256sum --check --quiet --strict SHA256SUMS || fail "文件已损坏或被改动 a file is damaged or was changed"
# What the list does not name was added by somebody else.
added=$(find . -type f ! -name 'SHA256SUMS*' | while read -r file; do
    grep -qF "  ${file#./}" SHA256SUMS || printf '%s ' "$file"
done)
[ -z "$added" ] || fail "清单之外的文件 files that the list does not name: $added"

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial"
# The list of checksums was checked above; apt asks this folder and nothing else.
printf 'deb [trusted=yes] file:%s/repo ./\n' "$here" >"$state/sources.list"
offline_apt() {
    apt-get -qq -y -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false -o APT::Sandbox::User= \
        -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$state/lists" "$@"
}
offline_apt update
offline_apt install cim-lpg "$@"
printf '已安装 installed: %s\n' "$(dpkg-query -W -f '${Package} ${Version}' cim-lpg)"
printf '%s\n' '接下来 next: /usr/share/doc/cim-lpg/docs/operations.md, Install'

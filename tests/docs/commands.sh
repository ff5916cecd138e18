#!/usr/bin/env bash
# The documents name what is there: every verb of cim-host in docs/operations.md, no verb that does
# not exist, no link to a missing file, and the README's commands runnable.
# usage: commands.sh CIM_HOST
set -euo pipefail
export LC_ALL=C.UTF-8
host=$1
cd "$(dirname "$0")/../.."
wrong=0
complain() {
    printf '%s\n' "$*"
    wrong=$((wrong + 1))
}

verbs=$("$host" --help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
[ -n "$verbs" ] || complain "cim-host --help lists no verbs"
for verb in $verbs; do
    grep -q "cim-host $verb\b" docs/operations.md || complain "docs/operations.md does not name: cim-host $verb"
done
while IFS=: read -r file verb; do
    grep -qx "$verb" <<<"$verbs" || complain "$file names a verb that is not there: $verb"
done < <(grep -oE '`cim-host [a-z]+|^cim-host [a-z]+' README.md docs/operations.md docs/sdk-guide.md |
    sed 's/`\{0,1\}cim-host //')

for file in README.md README.zh-CN.md docs/*.md; do
    while read -r target; do
        [ -e "$(dirname "$file")/$target" ] || complain "$file links to a missing $target"
    done < <(grep -oE '\]\([^)#:]+\)' "$file" | sed 's/^](//; s/)$//')
done
for command in script/server script/test; do
    grep -q "^$command" README.md || complain "README.md does not name $command"
    [ -x "$command" ] || complain "$command has no run bit"
done
grep -q 'script/test' .ci/run || complain ".ci/run does not call script/test"
printf 'documents: %d wrong\n' "$wrong"
[ "$wrong" -eq 0 ]

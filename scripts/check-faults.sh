#!/bin/sh
# Every line of docs/faults.md names at least one test, and every test that it names exists.
set -eu
cd "$(dirname -- "$0")/.."

faults=docs/faults.md
tests=$(grep -rhE -A3 --include='*.rs' '#\[(tokio::)?test' crates services cli tests fuzz bench |
    sed -nE 's/^ *(async )?fn ([a-z0-9_]+)\(.*/\2/p' | sort -u)

wrong=$(grep '^- ' "$faults" | while IFS= read -r line; do
    names=$(printf '%s\n' "$line" | tr '`' '\n' | sed -n 'n;p')
    [ -n "$names" ] || printf '%s: no test: %s\n' "$faults" "$line"
    for name in $names; do
        printf '%s\n' "$tests" | grep -qxF -- "$name" || printf '%s: no such test: %s\n' "$faults" "$name"
    done
done)

[ -z "$wrong" ] || { printf '%s\n' "$wrong" >&2 && exit 1; }
echo "faults: every line has its tests"

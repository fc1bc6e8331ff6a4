#!/bin/sh
# The house rules that no compiler checks. Prints file:line of each breach; long files are only listed.
set -eu
cd "$(dirname -- "$0")/.."
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# breach RULE: reads "file:line: text" lines and notes them as breaches of the rule.
breach() {
    lines=$(cat)
    [ -z "$lines" ] || printf -- '-- %s\n%s\n' "$1" "$lines" | cut -c1-200 >>"$found"
}

# What git knows or would add; a file deleted but not yet committed is not there to be read.
files() { git ls-files -co --exclude-standard -- "$@" | while read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done; }
search() {
    pattern=$1
    shift
    files "$@" | grep -v -E '^(LICENSE|scripts/(test-)?check-house\.sh|.*lock(\.yaml|\.json)?)$' | tr '\n' '\0' | xargs -0 -r grep -n -I -E -e "$pattern" /dev/null 2>/dev/null || true
}

files '*.rs' | while read -r file; do
    head -n 1 "$file" | grep -q '^//! ' || echo "$file:1: $(head -n 1 "$file")"
done | breach "a Rust file opens with one //! line that says what it owns"

search '\b(struct|enum|trait|type|mod) [A-Za-z_]*(Manager|Helper|Util|Utils|Impl|Base|Data|Info)\b' '*.rs' |
    breach "no Manager, Helper, Util, Impl, Base, Data, Info in a name"

search '#\[(ignore|should_panic)|#!?\[allow\(|\b(todo|unimplemented)!\(' '*.rs' |
    breach "no ignored or panicking tests, no allow without a reason, nothing left to do"

search '(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' '*.rs' '*.ts' '*.tsx' '*.sh' '*.toml' '*.proto' |
    breach "no unfinished remarks"

search '^(<<<<<<<|>>>>>>>) ' | breach "no leftovers of a merge"

search "(^|[[:space:]\"'(=:\`])/(work|Users|home)/[a-z]" | grep -v '/home/nonroot' |
    breach "no path of somebody's machine"

# A relative path may not climb out of the tree.
search '(^|[^.])(\.\./)+[A-Za-z]' '*.rs' '*.toml' '*.md' '*.sh' '*.yaml' '*.yml' '*.json' '*.ts' 'Makefile' | awk -F: '
    { depth = gsub("/", "/", $1); text = $0
      while (match(text, /(\.\.\/)+[A-Za-z]/)) {
          if ((RLENGTH - 1) / 3 > depth) { print $0; break }
          text = substr(text, RSTART + RLENGTH)
      } }' | breach "no path that leaves the tree"

files 'crates/*/Cargo.toml' 'services/*/Cargo.toml' 'cli/Cargo.toml' 'tests/*/Cargo.toml' 'bench/Cargo.toml' | while read -r file; do
    awk -v file="$file" '/^\[/ { inside = /dependencies/ } inside && /^[a-z].*=/ && !/workspace *= *true/ { print file ":" FNR ": " $0 }' "$file"
done | breach "versions and features stand in the root Cargo.toml alone"

files 'scripts/*.sh' '.ci/run' | while read -r file; do
    [ -x "$file" ] || [ "$file" = scripts/lib.sh ] || echo "$file:1: not executable"
done | breach "scripts are executable"

long=$(files '*.rs' '*.ts' '*.tsx' '*.sh' | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 300 ] || echo "   $lines $file"
done)
[ -z "$long" ] || { echo "-- longer than 300 lines (a warning)"; printf '%s\n' "$long" | sort -rn; }

if [ -s "$found" ]; then
    cat "$found"
    echo "house rules: $(grep -vc '^-- ' "$found") breaches"
    exit 1
fi
echo "house rules: kept"

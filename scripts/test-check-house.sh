#!/bin/sh
# Tests of check-house.sh: a tree that keeps the rules passes, and each breach is found.
set -u
cd "$(dirname -- "$0")/.." || exit 1
TOP=$(mktemp -d)
trap 'rm -rf "$TOP"' EXIT
passed=0
failed=0

# tree: a fresh tree that keeps the rules.
tree() {
    rm -rf "$TOP/t"
    mkdir -p "$TOP/t/scripts" "$TOP/t/crates/one/src"
    cp scripts/check-house.sh "$TOP/t/scripts/"
    printf '//! Owns one.\nfn main() {}\n' >"$TOP/t/crates/one/src/lib.rs"
    printf '[dependencies]\nserde.workspace = true\n' >"$TOP/t/crates/one/Cargo.toml"
    git -C "$TOP/t" init -q
}

# finds NAME FILE TEXT: with TEXT appended to FILE the check fails and names the file.
finds() {
    tree
    printf '%b\n' "$3" >>"$TOP/t/$2"
    out=$(sh "$TOP/t/scripts/check-house.sh" 2>&1)
    if [ $? -eq 1 ] && case $out in *"$2"*) true ;; *) false ;; esac then
        passed=$((passed + 1))
        echo "ok      $1"
    else
        failed=$((failed + 1))
        echo "FAILED  $1: $out"
    fi
}

tree
if sh "$TOP/t/scripts/check-house.sh" >/dev/null; then
    passed=1
    echo "ok      a tree that keeps the rules passes"
else
    failed=1
    echo "FAILED  a tree that keeps the rules passes"
fi
LIB=crates/one/src/lib.rs
finds "a file without its opening line is found" crates/one/src/two.rs 'fn two() {}'
finds "a name that says nothing is found" $LIB 'struct Order''Manager;'
finds "an ignored test is found" $LIB '#[ig''nore]'
finds "an unfinished remark is found" $LIB '// TO''DO: later'
finds "a leftover of a merge is found" $LIB '<<<<''<<< HEAD'
finds "a path of somebody's machine is found" README.md 'see `/ho''me/bob/notes`'
finds "a path that leaves the tree is found" README.md 'see ../else/where'
finds "a deep path that leaves the tree is found" $LIB '// ../../../../else'
finds "a version in a member is found" crates/one/Cargo.toml 'rand = "0.9"'
finds "a script that cannot be run is found" scripts/new.sh '#!/bin/sh'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

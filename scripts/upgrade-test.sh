#!/bin/sh
# upgrade-test.sh: two processes of each role on a throw-away Postgres, upgraded under load, taken back and upgraded
# again. The next release is this tree with tests/upgrade/next.patch, which adds an event and a column; the one before
# is this tree, or the program that PREVIOUS_BINARY names.
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

if [ -z "${TEST_DATABASE_URL:-}" ]; then
    exec scripts/with-postgres.sh "$0" "$@"
fi
NEXT=target/upgrade/tree
PATCH=tests/upgrade/next.patch
if [ -z "${PREVIOUS_BINARY:-}" ]; then
    say "正在构建 / building: 这一版 / this release"
    cargo build --locked -q -p tributary
    PREVIOUS_BINARY=$ROOT/target/debug/tributary
fi
[ -x "$PREVIOUS_BINARY" ] || fail "PREVIOUS_BINARY 不是程序：$PREVIOUS_BINARY" "PREVIOUS_BINARY is no program: $PREVIOUS_BINARY"

rm -rf "$NEXT"
mkdir -p "$NEXT"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$NEXT"
git apply --directory="$NEXT" "$PATCH" || fail "$PATCH 无法应用：请重写" "$PATCH does not apply: write it anew"
say "正在构建 / building: 下一版 / the next release"
PATH=$(dirname "$(scripts/nats-server.sh)"):$PATH
CARGO_TARGET_DIR=$ROOT/target/upgrade/target
export PATH PREVIOUS_BINARY CARGO_TARGET_DIR
cd "$NEXT"
cargo build --locked -q -p tributary
exec cargo test --locked -q -p integration --test it -- --exact --nocapture \
    upgrade::an_upgrade_its_way_back_and_the_next_one_refuse_nobody_and_lose_nothing

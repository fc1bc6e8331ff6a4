#!/bin/sh
# run-split.sh BINARY: one process for the nats-server, then one per role, until Ctrl-C or the first of them ends.
#
# Separate processes cannot share SQLite files, so this needs Postgres: DATABASE_URL, or a throw-away one.
set -eu
. "$(dirname -- "$0")/lib.sh"

BINARY=$1
ROLES="channel-ingest identity routing ai-agent lead-capture analytics console"
# The words of the command line that this script depends on, in one place.
NATS_COMMAND="nats"
ROLE_COMMAND="run"

if [ -z "${DATABASE_URL:-}" ]; then
    if [ -z "${TEST_DATABASE_URL:-}" ]; then
        say "没有 DATABASE_URL：使用临时 PostgreSQL，退出后即删除 / no DATABASE_URL: a throw-away PostgreSQL, gone at the end"
        exec "$ROOT/scripts/with-postgres.sh" "$0" "$BINARY"
    fi
    DATABASE_URL=$TEST_DATABASE_URL
    export DATABASE_URL
fi

pids=""
# The roles end before the server that they write to.
stop() {
    trap '' INT TERM
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$pids" ] || { kill $pids 2>/dev/null || true; wait $pids 2>/dev/null || true; }
    kill "$nats" 2>/dev/null || true
    wait "$nats" 2>/dev/null || true
}
# shellcheck disable=SC2086 # the command may be several words
"$BINARY" $NATS_COMMAND &
nats=$!
trap stop EXIT
trap 'exit 130' INT TERM
for role in $ROLES; do
    # shellcheck disable=SC2086 # the command may be several words
    "$BINARY" $ROLE_COMMAND "$role" &
    pids="$pids $!"
done
while :; do
    for pid in $nats $pids; do
        kill -0 "$pid" 2>/dev/null || {
            say "进程 $pid 已退出，全部停止 / process $pid has ended, stopping all"
            exit 1
        }
    done
    sleep 1
done

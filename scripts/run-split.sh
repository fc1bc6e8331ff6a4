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
        # The log of an earlier run would be left without the keys of its texts, and no start goes on with that.
        folder=${TRIBUTARY_DATA:-.tributary}
        if [ -e "$folder/throw-away" ]; then
            fail "数据目录 $folder 属于上次的临时 PostgreSQL，其密钥已随之删除：请删除该目录，或设置 DATABASE_URL 与另一个 TRIBUTARY_DATA" \
                "The folder $folder belongs to the throw-away PostgreSQL of an earlier run, whose keys are gone with it: delete the folder, or set DATABASE_URL and another TRIBUTARY_DATA"
        fi
        if [ -e "$folder/keys" ]; then
            fail "数据目录 $folder 属于另一个数据库上的套件：请设置它的 DATABASE_URL，或用 TRIBUTARY_DATA 另给一个目录（SQLite 上的套件用 make run）" \
                "The folder $folder belongs to a suite on another database: set its DATABASE_URL, or name another folder by TRIBUTARY_DATA (make run is for one on SQLite)"
        fi
        say "没有 DATABASE_URL：使用临时 PostgreSQL，退出后即删除，数据目录不能再用 / no DATABASE_URL: a throw-away PostgreSQL, gone at the end, after which the data folder cannot be used again"
        mkdir -p "$folder"
        [ -e "$folder/nats/url" ] || : >"$folder/throw-away"
        exec "$ROOT/scripts/with-postgres.sh" "$0" "$BINARY"
    fi
    DATABASE_URL=$TEST_DATABASE_URL
    export DATABASE_URL
fi

pids=""
# The roles end before the server that they write to.
stop() {
    trap '' HUP INT TERM
    rm -f "$started"
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$pids" ] || { kill $pids 2>/dev/null || true; wait $pids 2>/dev/null || true; }
    kill "$nats" 2>/dev/null || true
    wait "$nats" 2>/dev/null || true
}
DATA=${TRIBUTARY_DATA:-.tributary}
HTTP=${TRIBUTARY_LISTEN_HTTP:-127.0.0.1:8080}
API=${TRIBUTARY_LISTEN_API:-127.0.0.1:8081}
# Each process has an admin port and a gRPC port of its own, counted up from these.
ADMIN_PORT=${ADMIN_PORT:-9090}
GRPC_PORT=${GRPC_PORT:-20051}

# The address that a run before this one left there may be another one's by now: it is written again by every start.
mkdir -p "$DATA"
started=$(mktemp "$DATA/started.XXXXXX")
# The clock of files is coarse, and a start that is quick must not be taken for an old one.
touch -d '1 second ago' "$started" 2>/dev/null || true
# shellcheck disable=SC2086 # the command may be several words
"$BINARY" $NATS_COMMAND --data "$DATA" &
nats=$!
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT TERM
waited=0
until [ "$DATA/nats/url" -nt "$started" ] && [ -s "$DATA/nats/credentials/console" ]; do
    waited=$((waited + 1))
    [ "$waited" -le 300 ] || { say "nats-server 没有就绪 / nats-server did not become ready"; exit 1; }
    kill -0 "$nats" 2>/dev/null || exit 1
    sleep 0.1
done
rm -f "$started"
NATS_URL=$(cat "$DATA/nats/url")
TRIBUTARY_NATS_CREDENTIALS=$DATA/nats/credentials
TRIBUTARY_PEERS=
number=0
for role in $ROLES; do
    TRIBUTARY_PEERS=$TRIBUTARY_PEERS${TRIBUTARY_PEERS:+,}$role=http://127.0.0.1:$((GRPC_PORT + number))
    number=$((number + 1))
done
export NATS_URL TRIBUTARY_NATS_CREDENTIALS TRIBUTARY_PEERS
number=0
for role in $ROLES; do
    demo=
    [ "$role" != console ] || demo=${RUN_SPLIT_DEMO---demo}
    # shellcheck disable=SC2086 # the command may be several words, and the demo none
    "$BINARY" $ROLE_COMMAND "$role" $demo --data "$DATA" --listen-http "$HTTP" --listen-api "$API" \
        --listen-admin "127.0.0.1:$((ADMIN_PORT + number))" --listen-grpc "127.0.0.1:$((GRPC_PORT + number))" &
    pids="$pids $!"
    number=$((number + 1))
done
while :; do
    # shellcheck disable=SC2086 # lists of words
    set -- nats-server $ROLES
    for pid in $nats $pids; do
        kill -0 "$pid" 2>/dev/null || {
            say "$1（进程 $pid）已退出，全部停止 / $1 (process $pid) has ended, stopping all"
            exit 1
        }
        shift
    done
    sleep 1
done

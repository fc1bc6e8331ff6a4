#!/bin/sh
# with-postgres.sh COMMAND...: runs the command with TEST_DATABASE_URL naming a throw-away PostgreSQL.
#
# The cluster lives in a temporary folder on a free port of 127.0.0.1, under an unprivileged user when we are root,
# and is gone afterwards. A TEST_DATABASE_URL that is set already is used as it is.
set -eu
. "$(dirname -- "$0")/lib.sh"

[ $# -gt 0 ] || fail "用法：with-postgres.sh 命令…" "Usage: with-postgres.sh COMMAND..."
if [ -n "${TEST_DATABASE_URL:-}" ]; then exec "$@"; fi

# server_bin: the newest folder with initdb, pg_ctl and postgres of version 14 or newer.
server_bin() {
    # shellcheck disable=SC2012 # these folders have no odd names, and the newest comes first
    for bin in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2>/dev/null | sort -t/ -k5 -rV) \
        $(dirname -- "$(command -v initdb || echo /none)"); do
        [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && [ -x "$bin/postgres" ] || continue
        major=$("$bin/postgres" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
        if [ "$major" -ge 14 ]; then
            printf '%s\n' "$bin"
            return 0
        fi
        say "PostgreSQL $major ($bin) 太旧 / is too old: 14 or newer is needed"
    done
    return 1
}
BIN=$(server_bin) || fail "没有 PostgreSQL 14 或更新：先运行 make setup（或 apt-get install postgresql）" \
    "No PostgreSQL 14 or newer: run make setup first (or apt-get install postgresql)"

# PostgreSQL refuses to run as root.
if [ "$(id -u)" -eq 0 ]; then
    if id postgres >/dev/null 2>&1; then owner=postgres; else owner=nobody; fi
    as_owner() { (cd / && runuser -u "$owner" -- "$@"); }
else
    owner=$(id -un)
    as_owner() { "$@"; }
fi

WORK=$(mktemp -d /tmp/tributary-postgres.XXXXXX)
stop() {
    trap '' HUP INT TERM
    as_owner "$BIN/pg_ctl" -D "$WORK/db" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A certificate for 127.0.0.1 and the authority that signed it, so that connections by TLS are tried too.
certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Tributary test authority" \
        -keyout "$WORK/ca.key" -out "$WORK/ca.crt" 2>/dev/null &&
        openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout "$WORK/server.key" -out "$WORK/server.csr" 2>/dev/null &&
        printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$WORK/server.ext" &&
        openssl x509 -req -days 2 -in "$WORK/server.csr" -CA "$WORK/ca.crt" -CAkey "$WORK/ca.key" -CAcreateserial \
            -extfile "$WORK/server.ext" -out "$WORK/server.crt" 2>/dev/null &&
        chmod 600 "$WORK/server.key"
}
certificates || fail "openssl 无法生成证书" "openssl cannot make certificates: install it (apt install openssl)"

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$WORK/password"
chmod 700 "$WORK"
[ "$(id -u)" -ne 0 ] || chown -R "$owner" "$WORK"
as_owner "$BIN/initdb" -D "$WORK/db" -U tributary -A scram-sha-256 --pwfile="$WORK/password" -E UTF8 --locale=C --no-sync \
    >"$WORK/initdb.log" 2>&1 || { cat "$WORK/initdb.log" >&2; fail "initdb 失败" "initdb failed"; }

# Durability is off: the cluster lives as long as the command. A port that is taken costs one more try.
tries=0
while :; do
    port=$(($(od -An -N2 -tu2 /dev/urandom) % 20000 + 20000))
    if as_owner "$BIN/pg_ctl" -D "$WORK/db" -l "$WORK/db/server.log" -w -t 60 -o \
        "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$WORK -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=600 -c ssl=on -c ssl_cert_file=$WORK/server.crt -c ssl_key_file=$WORK/server.key" \
        start >/dev/null 2>&1; then break; fi
    tries=$((tries + 1))
    [ "$tries" -lt 5 ] || { tail -n 20 "$WORK/db/server.log" >&2; fail "PostgreSQL 启动失败" "PostgreSQL did not start"; }
done
TEST_DATABASE_URL=postgres://tributary:$password@127.0.0.1:$port/postgres
TEST_DATABASE_CA=$WORK/ca.crt
export TEST_DATABASE_URL TEST_DATABASE_CA
say "PostgreSQL ($BIN) 在端口 $port / on port $port until the command ends"

"$@"

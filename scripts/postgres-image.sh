#!/bin/sh
# Builds target/image/postgres.tar, the image postgres:trial, from this machine's own PostgreSQL, for a cluster that
# can pull none. It takes the variables of the official image that deploy/k8s/eval uses, and nothing more.
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

home=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort -V | tail -n 1)
[ -x "$home/bin/initdb" ] || fail "缺少 PostgreSQL：apt-get install postgresql" "PostgreSQL is missing: apt-get install postgresql"
share=/usr/share/postgresql/$(basename "$home")
. "$ROOT/scripts/lib-image.sh"

LAYER=$WORK/postgres
mkdir -p "$LAYER$home" "$LAYER$share" "$LAYER/bin" "$LAYER/etc" "$LAYER/tmp" "$LAYER/usr/share" "$LAYER/usr/local/bin" \
    "$LAYER/var/lib/postgresql" "$LAYER/var/run/postgresql"
cp -RL "$home/bin" "$home/lib" "$LAYER$home/"
cp -RL "$share/." "$LAYER$share/"
cp -RL /usr/share/zoneinfo "$LAYER/usr/share/"
put /bin/sh "$LAYER/bin"
find "$home/bin" "$home/lib" -type f >"$WORK/programs"
# shellcheck disable=SC2046 # paths without blanks
put_libraries "$LAYER" /bin/sh $(cat "$WORK/programs")
echo 'postgres:x:999:999::/var/lib/postgresql:/sbin/nologin' >"$LAYER/etc/passwd"
echo 'postgres:x:999:' >"$LAYER/etc/group"
cat >"$LAYER/usr/local/bin/start" <<'START'
#!/bin/sh
# Makes the database at the first start, then serves it. Only the shell's own words: the image has no other tools.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 -E UTF8 --locale=C
    : >/tmp/password
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
START
chmod 755 "$LAYER/usr/local/bin/start"

config=$(printf '{"User":"999:999","Env":["PATH=/usr/local/bin:%s/bin","PGDATA=/var/lib/postgresql/data"],"Entrypoint":["/usr/local/bin/start"],"WorkingDir":"/"}' "$home")
file=target/image/postgres.tar
id=$(archive postgres:trial "$file" "$config" "999 var/lib/postgresql" "$LAYER")
say "$file: postgres:trial, $(du -h "$file" | cut -f1), id sha256:$id"
echo "$file"

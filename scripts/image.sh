#!/bin/sh
# Builds the container image IMAGE (tributary:<version>): with docker or buildah from the Dockerfile; with BASE=scratch
# without either, as the archive target/image/tributary-<version>.tar, from BINARY (target/release/tributary) and a
# nats-server. The archive is what `docker load`, `podman load`, `ctr images import` and `skopeo copy docker-archive:` take.
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
IMAGE=${IMAGE:-tributary:$VERSION}
BASE=${BASE:-}

if [ "$BASE" != scratch ]; then
    if docker version >/dev/null 2>&1; then
        exec docker build ${BASE:+--build-arg "BASE=$BASE"} -t "$IMAGE" .
    elif command -v buildah >/dev/null 2>&1; then
        exec buildah build ${BASE:+--build-arg "BASE=$BASE"} -t "$IMAGE" .
    fi
    fail "没有可用的 docker 或 buildah。无需它们：make image BASE=scratch" \
        "Neither docker nor buildah can be used. Without them: make image BASE=scratch"
fi

BINARY=${BINARY:-target/release/tributary}
[ -x "$BINARY" ] || fail "缺少 $BINARY：先运行 make build" "$BINARY is missing: run make build first"
NATS=$(scripts/nats-server.sh)
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
[ -s "$CERTIFICATES" ] ||
    fail "缺少 $CERTIFICATES：apt-get install ca-certificates" "$CERTIFICATES is missing: apt-get install ca-certificates"
. "$ROOT/scripts/lib-image.sh"

BASE_LAYER="$WORK/libraries, certificates, nats-server"
SUITE_LAYER=$WORK/tributary
mkdir -p "$BASE_LAYER/usr/local/bin" "$BASE_LAYER/etc/ssl/certs" "$BASE_LAYER/tmp" "$BASE_LAYER/var/lib/tributary" \
    "$SUITE_LAYER/usr/local/bin"
put "$NATS" "$BASE_LAYER/usr/local/bin" nats-server
put "$BINARY" "$SUITE_LAYER/usr/local/bin" tributary
put_libraries "$BASE_LAYER" "$BINARY" "$NATS"
cp "$CERTIFICATES" "$BASE_LAYER/etc/ssl/certs/ca-certificates.crt"
echo 'hosts: files dns' >"$BASE_LAYER/etc/nsswitch.conf"
echo 'tributary:x:65532:65532::/var/lib/tributary:/sbin/nologin' >"$BASE_LAYER/etc/passwd"
echo 'tributary:x:65532:' >"$BASE_LAYER/etc/group"

config=$(printf '{"User":"65532:65532","Env":["PATH=/usr/local/bin","TRIBUTARY_DATA=/var/lib/tributary"],"Entrypoint":["/usr/local/bin/tributary"],"Cmd":["run"],"WorkingDir":"/","ExposedPorts":{"8080/tcp":{},"8081/tcp":{},"9090/tcp":{},"50051/tcp":{}},"Labels":{"org.opencontainers.image.title":"tributary","org.opencontainers.image.version":"%s","org.opencontainers.image.licenses":"Apache-2.0"}}' "$VERSION")
file=target/image/tributary-$VERSION.tar
# What changes with each build lies above what does not.
id=$(archive "$IMAGE" "$file" "$config" "65532 var/lib/tributary" "$BASE_LAYER" "$SUITE_LAYER")
say "$file: $IMAGE, $(du -h "$file" | cut -f1), id sha256:$id"
echo "$file"

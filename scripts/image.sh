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
# One time for all files: the same inputs give the same bytes.
EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) fail "未知架构 $(uname -m)" "this machine's architecture is not known: $(uname -m)" ;;
esac

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$WORK/base/usr/local/bin" "$WORK/base/etc/ssl/certs" "$WORK/base/tmp" "$WORK/base/var/lib/tributary" \
    "$WORK/suite/usr/local/bin" "$WORK/image"

# put FILE FOLDER: a copy with the mode of a program, whatever the umask.
put() {
    mkdir -p "$2"
    install -m 755 "$(readlink -f "$1")" "$2/$(basename "$1")"
}

put "$NATS" "$WORK/base/usr/local/bin"
put "$BINARY" "$WORK/suite/usr/local/bin"
# The shared libraries of both, at the paths where the loader looks for them, and the loader itself.
{ ldd "$BINARY"; ldd "$NATS" 2>/dev/null || true; } | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u | while read -r library; do
    put "$library" "$WORK/base$(dirname "$library")"
done
cp "$CERTIFICATES" "$WORK/base/etc/ssl/certs/ca-certificates.crt"
echo 'hosts: files dns' >"$WORK/base/etc/nsswitch.conf"
echo 'tributary:x:65532:65532::/var/lib/tributary:/sbin/nologin' >"$WORK/base/etc/passwd"
echo 'tributary:x:65532:' >"$WORK/base/etc/group"
chmod -R u=rwX,go=rX "$WORK/base" "$WORK/suite"
chmod 1777 "$WORK/base/tmp"

# pack FOLDER ARCHIVE: the same bytes for the same content, in any folder, by any user.
pack() {
    (cd "$1" && find . -mindepth 1 -path ./var/lib/tributary -prune -o -mindepth 1 -print0 | LC_ALL=C sort -z |
        tar --create --file "$2" --transform='s,^\./,,' --format=gnu --no-recursion --null --files-from=- --mtime="@$EPOCH" --owner=0 --group=0 --numeric-owner)
    [ ! -d "$1/var/lib/tributary" ] || tar --append --file "$2" -C "$1" --transform='s,^\./,,' --format=gnu --no-recursion --mtime="@$EPOCH" \
        --owner=65532 --group=65532 --numeric-owner ./var/lib/tributary
}

sum() { sha256sum "$1" | cut -d' ' -f1; }
layers=""
diffs=""
# What changes with each build lies above what does not.
for layer in base suite; do
    pack "$WORK/$layer" "$WORK/layer.tar"
    id=$(sum "$WORK/layer.tar")
    mv "$WORK/layer.tar" "$WORK/image/$id.tar"
    layers="$layers${layers:+,}\"$id.tar\""
    diffs="$diffs${diffs:+,}\"sha256:$id\""
done
created=$(date -u -d "@$EPOCH" +%Y-%m-%dT%H:%M:%SZ)
printf '{"architecture":"%s","os":"linux","created":"%s","config":{"User":"65532:65532","Env":["PATH=/usr/local/bin","TRIBUTARY_DATA=/var/lib/tributary"],"Entrypoint":["/usr/local/bin/tributary"],"Cmd":["run"],"WorkingDir":"/","ExposedPorts":{"8080/tcp":{},"8081/tcp":{},"9090/tcp":{},"50051/tcp":{}},"Labels":{"org.opencontainers.image.title":"tributary","org.opencontainers.image.version":"%s","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[{"created":"%s","created_by":"scripts/image.sh: libraries, certificates, nats-server"},{"created":"%s","created_by":"scripts/image.sh: tributary"}]}\n' \
    "$architecture" "$created" "$VERSION" "$diffs" "$created" "$created" >"$WORK/config"
config=$(sum "$WORK/config")
mv "$WORK/config" "$WORK/image/$config.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":[%s]}]\n' "$config" "$IMAGE" "$layers" >"$WORK/image/manifest.json"
chmod 644 "$WORK/image"/*

mkdir -p target/image
archive=target/image/tributary-$VERSION.tar
pack "$WORK/image" "$WORK/archive.tar"
mv "$WORK/archive.tar" "$archive"
say "$archive: $IMAGE, $(du -h "$archive" | cut -f1), id sha256:$config"
echo "$archive"

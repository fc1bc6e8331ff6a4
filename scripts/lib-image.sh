# shellcheck shell=sh
# Container images without a builder: files become layers, layers an archive. Sourced after lib.sh, POSIX sh.
# The same files and EPOCH give the same bytes.

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$WORK/image"
# One time for all files.
EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
case $(uname -m) in
x86_64) ARCHITECTURE=amd64 ;;
aarch64) ARCHITECTURE=arm64 ;;
*) fail "未知架构 $(uname -m)" "this machine's architecture is not known: $(uname -m)" ;;
esac

# put FILE FOLDER [NAME]: a copy with the mode of a program, whatever the umask.
put() {
    mkdir -p "$2"
    install -m 755 "$(readlink -f "$1")" "$2/${3:-$(basename "$1")}"
}

# put_libraries FOLDER PROGRAM...: the shared libraries of the programs, at the paths where the loader looks for them,
# and the loader itself.
put_libraries() {
    into=$1
    shift
    for program in "$@"; do
        # A program without shared libraries has none to name.
        ldd "$program" 2>/dev/null || true
    done | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u | while read -r library; do
        put "$library" "$into$(dirname "$library")"
    done
}

# pack FOLDER ARCHIVE OWNED: the folder's content, everything root's but what is below the folders OWNED ("UID PATH").
pack() {
    owned_by=${3%% *}
    owned=${3#* }
    set -- "$1" "$2" --format=gnu --no-recursion --mtime="@$EPOCH" --numeric-owner
    from=$1
    into=$2
    shift 2
    (cd "$from" && find . -mindepth 1 -path "./$owned" -prune -o -mindepth 1 -print0 | LC_ALL=C sort -z |
        tar --create --file "$into" --transform='s,^\./,,' "$@" --null --files-from=- --owner=0 --group=0)
    [ ! -d "$from/$owned" ] || tar --append --file "$into" -C "$from" --transform='s,^\./,,' "$@" \
        --owner="$owned_by" --group="$owned_by" "./$owned"
}

sum() { sha256sum "$1" | cut -d' ' -f1; }

# archive IMAGE FILE CONFIG OWNED LAYER...: the image of these folders, the lowest first, in the form that
# `docker load`, `podman load`, `ctr images import` and `skopeo copy docker-archive:` take; its id. CONFIG is the
# "config" of the image as JSON.
archive() {
    image=$1
    file=$2
    config=$3
    owner=$4
    shift 4
    layers=""
    diffs=""
    history=""
    created=$(date -u -d "@$EPOCH" +%Y-%m-%dT%H:%M:%SZ)
    for layer in "$@"; do
        chmod -R u=rwX,go=rX "$layer"
        [ ! -d "$layer/tmp" ] || chmod 1777 "$layer/tmp"
        pack "$layer" "$WORK/layer.tar" "$owner"
        id=$(sum "$WORK/layer.tar")
        mv "$WORK/layer.tar" "$WORK/image/$id.tar"
        layers="$layers${layers:+,}\"$id.tar\""
        diffs="$diffs${diffs:+,}\"sha256:$id\""
        history="$history${history:+,}{\"created\":\"$created\",\"created_by\":\"$(basename "$0"): $(basename "$layer")\"}"
    done
    printf '{"architecture":"%s","os":"linux","created":"%s","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]},"history":[%s]}\n' \
        "$ARCHITECTURE" "$created" "$config" "$diffs" "$history" >"$WORK/config"
    id=$(sum "$WORK/config")
    mv "$WORK/config" "$WORK/image/$id.json"
    printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":[%s]}]\n' "$id" "$image" "$layers" >"$WORK/image/manifest.json"
    chmod 644 "$WORK/image"/*
    mkdir -p "$(dirname "$file")"
    pack "$WORK/image" "$WORK/archive.tar" "0 none"
    mv "$WORK/archive.tar" "$file"
    printf '%s\n' "$id"
}

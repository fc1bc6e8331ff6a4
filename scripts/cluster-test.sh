#!/bin/sh
# Installs both profiles on a real cluster and breaks them: KUBECONFIG names the cluster, which may be one node.
#
# IMAGE         the suite's image, which the nodes can pull; without it one is built and LOAD_IMAGE puts it on the nodes
# LOAD_IMAGE    a command that takes an archive: `kind load image-archive`, or `ctr -n k8s.io images import` on a node
# NEXT_IMAGE    the image that is upgraded to; without it the same one
# POSTGRES_IMAGE the database of the trial; without it and with LOAD_IMAGE one is built from this machine's PostgreSQL
# CLUSTER_TESTS small, medium or both
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

tools=$(scripts/chart-tools.sh)
PATH=$tools:$PATH
[ -n "${KUBECONFIG:-}" ] || fail "未设置 KUBECONFIG" "KUBECONFIG is not set: name the cluster, whose nodes are cordoned one after another"
command -v kubectl >/dev/null 2>&1 || fail "缺少 kubectl" "kubectl is missing: install it, or put its folder into PATH"
kubectl version --request-timeout=20s >/dev/null 2>&1 ||
    fail "集群没有应答：设置 KUBECONFIG" "No cluster answers: set KUBECONFIG to the file of one that may be filled and emptied"
BINARY=${BINARY:-target/release/tributary}
[ -x "$BINARY" ] || fail "缺少 $BINARY：先运行 make build" "$BINARY is missing: run make build first"

# load ARCHIVE: onto the nodes.
load() {
    say "正在装入镜像 / loading onto the nodes: $1"
    # shellcheck disable=SC2086 # a command of several words
    ${LOAD_IMAGE:?"LOAD_IMAGE is needed where IMAGE or POSTGRES_IMAGE is not given"} "$1" >&2
}

if [ -z "${IMAGE:-}" ]; then
    IMAGE=tributary:$(git rev-parse --short=12 HEAD)
    load "$(IMAGE=$IMAGE BINARY=$BINARY BASE=scratch scripts/image.sh)"
fi
if [ -z "${POSTGRES_IMAGE:-}" ]; then
    POSTGRES_IMAGE=postgres:trial
    load "$(scripts/postgres-image.sh)"
fi
export IMAGE POSTGRES_IMAGE BINARY
kubectl version 2>/dev/null | sed -n 's/^Server Version: /Kubernetes /p'
helm version --short | sed 's/^/Helm /'
for profile in ${CLUSTER_TESTS:-small medium}; do
    python3 "tests/cluster/$profile.py"
done

"""Profile medium on a real cluster, beside three nodes of NATS and a Postgres: installed, used, upgraded under load,
upgraded to what does not start, drained, its NATS restarted, backed up, lost and restored."""

import json
import os
import pathlib
import secrets
import tempfile

from demo import Beside, Demo
from kube import Namespace, call, main, need, tell
from settings import split

ROLES = ["channel-ingest", "identity", "routing", "ai-agent", "lead-capture", "analytics", "console"]
BACKUP = "/backup/one"
# A rollout of fourteen pods on a small machine.
ROLLOUT = "15m"
ROLLOUT_MAX = 930


class Medium:
    def __init__(self, settings):
        self.settings = settings
        self.namespace = Namespace("tributary-test-medium")
        self.demo = Demo(self.namespace, "tributary", settings.image)

    def values(self, image=None, release="one"):
        return json.dumps({
            "profile": "medium",
            "image": self.settings.image_values(image),
            "secrets": {"name": "tributary-secrets"},
            "nats": {"url": "nats://nats:4222", "credentialsSecret": "tributary-nats-credentials"},
            "postgres": {"secret": "tributary-db-app"},
            "defaults": {
                # The test's machine may be small; what the profile asks for is for production.
                "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "podAnnotations": {"release": release},
                # What is drained, whatever else runs on the cluster.
                "podLabels": {"tributary-cluster-test": "yes"},
            },
        })

    def helm(self, verb, *options, values, **how):
        return self.namespace.helm(verb, "tributary", str(self.settings.chart), "-f", "-", *options, stdin=values, **how)

    def secrets_made(self):
        self.namespace.apply(call([self.settings.binary, "secrets", "new", "--profile", "medium"]))
        login = {"host": "postgres", "port": "5432", "dbname": "tributary", "username": "tributary",
                 "password": secrets.token_hex(24)}
        self.namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tributary-db-app"},
                              "stringData": login})

    def ground(self):
        """NATS and Postgres by the trial's manifests, with this test's namespace, images and modest requests."""
        modest = [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests",
                   "value": {"cpu": "50m", "memory": "256Mi"}}]
        with tempfile.TemporaryDirectory() as folder:
            images = [("tributary", self.settings.image), ("docker.io/library/postgres", self.settings.postgres_image)]
            kustomization = {
                "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                "namespace": self.namespace.name,
                "resources": [os.path.relpath(self.settings.eval, pathlib.Path(folder).resolve())],
                "images": [{"name": name, "newName": split(image)[0], "newTag": split(image)[1]}
                           for name, image in images],
                "patches": [{"target": {"kind": "StatefulSet"}, "patch": json.dumps(modest)}],
            }
            (pathlib.Path(folder) / "kustomization.yaml").write_text(json.dumps(kustomization))
            call(["kubectl", "apply", "-k", folder])
        for name in ("nats", "postgres"):
            self.rolled_out(f"statefulset/{name}")

    def rolled_out(self, what):
        self.namespace.kubectl("rollout", "status", what, f"--timeout={ROLLOUT}", within=ROLLOUT_MAX)

    def first(self):
        self.namespace.remove()
        self.namespace.make()
        self.secrets_made()
        self.namespace.claim("backup")
        self.ground()

    def install(self):
        self.helm("install", "--wait", f"--timeout={ROLLOUT}", values=self.values(), within=ROLLOUT_MAX)

    def test(self):
        self.namespace.helm("test", "tributary")

    def play(self):
        self.demo.finish(self.demo.start(rate=20))

    def upgraded(self):
        def upgrade():
            self.helm("upgrade", "--wait", f"--timeout={ROLLOUT}",
                      values=self.values(self.settings.next_image, "two"), within=ROLLOUT_MAX)
        self.demo.during(upgrade)

    def bad_upgrade(self):
        def upgrade():
            missing = f"{split(self.settings.image)[0]}:is-not-there"
            done = self.helm("upgrade", "--wait", "--timeout=90s", "--rollback-on-failure",
                             values=self.values(missing, "three"), within=ROLLOUT_MAX, may_fail=True)
            need(done.returncode != 0, "an image that is not there was upgraded to")
            for role in ROLES:
                self.rolled_out(f"deployment/tributary-{role}")
        self.demo.during(upgrade)
        image = self.namespace.get("deployment", "tributary-console")["spec"]["template"]["spec"]["containers"][0]["image"]
        need(image == self.settings.next_image, f"rolled back to {image}")

    def rolled_back(self):
        """To the first release, on purpose."""
        self.demo.during(lambda: self.namespace.helm("rollback", "tributary", "1", "--wait", f"--timeout={ROLLOUT}",
                                                     within=ROLLOUT_MAX))

    def drained(self):
        """Each node in turn; where there is only one it is opened again at once, so that what was evicted has a place."""
        found = json.loads(call(["kubectl", "get", "nodes", "-o", "json"]))["items"]
        # One that somebody cordoned stays so.
        nodes = [node["metadata"]["name"] for node in found if not node["spec"].get("unschedulable")]

        def drain():
            for node in nodes:
                self.drain(node, alone=len(nodes) == 1)
            for role in ROLES:
                self.rolled_out(f"deployment/tributary-{role}")
        self.demo.during(drain)

    def drain(self, node, alone):
        job = Beside(lambda: call(["kubectl", "drain", node, "--pod-selector=tributary-cluster-test=yes",
                                   "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=10m"], within=630))
        try:
            if alone:
                self.namespace.until("the node is drained", lambda: self.opened(node, job), within=630)
            job.result()
        finally:
            call(["kubectl", "uncordon", node])

    def opened(self, node, job):
        call(["kubectl", "uncordon", node])
        return job.is_over()

    def nats_restarted(self):
        def restart():
            self.namespace.kubectl("rollout", "restart", "statefulset/nats")
            self.rolled_out("statefulset/nats")
        # Appends wait for an election; a platform calls again where that takes longer than it waits.
        self.demo.during(restart, refused_max=50)

    def backed_up(self):
        job = self.like_provision("backup")
        tell("   " + self.namespace.to_its_end(job, within=600).strip().splitlines()[-1])

    def lost(self):
        self.namespace.helm("uninstall", "tributary", "--wait", "--timeout=5m", within=330)
        for name in ("nats", "postgres"):
            self.namespace.kubectl("delete", "statefulset", name, "--wait", "--timeout=180s")
        claims = [claim["metadata"]["name"] for claim in self.namespace.get("pvc")["items"]]
        gone = [claim for claim in claims if claim != "backup"]
        self.namespace.kubectl("delete", "pvc", *gone, "--wait", "--timeout=180s")

    def restored(self):
        self.ground()
        log = self.namespace.to_its_end(self.like_provision("restore"), within=600)
        tell("   " + log.strip().splitlines()[-1])
        self.install()
        self.verified()
        self.test()
        self.play()

    def verified(self):
        for role in ROLES:
            self.namespace.kubectl("exec", f"deployment/tributary-{role}", "-c", "tributary", "--", "tributary",
                                   "verify", "--all", within=300)
        tell("   every read model equals the log")

    def like_provision(self, command):
        """A pod like the one that makes streams and tables, with another command and the volume of the backup."""
        rendered = self.helm("template", "--show-only", "templates/provision-job.yaml", values=self.values())
        job = json.loads(call(["kubectl", "create", "--dry-run=client", "-o", "json", "-f", "-"], stdin=rendered))
        spec = job["spec"]["template"]["spec"]
        spec["restartPolicy"] = "Never"
        # The chart's own account is not there before it.
        spec["serviceAccountName"] = "default"
        container = spec["containers"][0]
        container["args"] = [command, BACKUP]
        container["volumeMounts"].append({"name": "backup", "mountPath": "/backup"})
        spec["volumes"].append({"name": "backup", "persistentVolumeClaim": {"claimName": "backup"}})
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": command}, "spec": spec}

    def steps(self):
        return [
            ("medium: a restricted namespace with NATS of three nodes and Postgres", self.first),
            ("medium: installed", self.install),
            ("medium: helm test", self.test),
            ("medium: messages in, answers out", self.play),
            ("medium: upgraded under load, no failed request", self.upgraded),
            ("medium: an upgrade that cannot start is rolled back under load, no failed request", self.bad_upgrade),
            ("medium: rolled back by hand under load, no failed request", self.rolled_back),
            ("medium: drained under load, no failed request", self.drained),
            ("medium: NATS restarted node by node under load", self.nats_restarted),
            ("medium: every read model equals the log", self.verified),
            ("medium: backed up beside the running suite", self.backed_up),
            ("medium: NATS and Postgres lost", self.lost),
            ("medium: restored on empty ones", self.restored),
            ("medium: removed", self.namespace.remove),
        ]


if __name__ == "__main__":
    from settings import Settings
    main(Medium(Settings()).steps())

"""Profile small on a real cluster: installed, used, killed, upgraded, backed up, lost and restored."""

import json

import demo
from kube import Namespace, call, main, need, tell

BACKUP = "/backup/one"


class Small:
    def __init__(self, settings):
        self.settings = settings
        self.namespace = Namespace("tributary-test-small")
        values = {
            "image": settings.image_values(), "secrets": {"name": "tributary-secrets"},
            "defaults": {
                # The test's machine may be small; what the profile asks for is for production.
                "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
                "extraVolumes": [{"name": "backup", "persistentVolumeClaim": {"claimName": "backup"}}],
                "extraVolumeMounts": [{"name": "backup", "mountPath": "/backup"}],
            },
        }
        self.values = json.dumps(values)

    def install(self):
        self.namespace.helm("install", "tributary", str(self.settings.chart), "-f", "-", "--wait", "--timeout=5m",
                            stdin=self.values, within=330)

    def first(self):
        self.namespace.remove()
        self.namespace.make()
        self.namespace.apply(call([self.settings.binary, "secrets", "new", "--profile", "small"]))
        self.namespace.claim("backup")
        self.install()

    def test(self):
        self.namespace.helm("test", "tributary")

    def inside(self, *command, **how):
        return self.namespace.kubectl("exec", "tributary-0", "-c", "tributary", "--", "tributary", *command, **how)

    def play(self):
        done = self.inside("demo", "--json", "--rate=20", "--timeout=120", within=600, may_fail=True)
        need(demo.REPORT in done.stdout, f"the demo told no report: {done.stderr[-2000:]}")
        demo.judge(demo.report(done.stdout))

    def ready(self):
        self.namespace.kubectl("rollout", "status", "statefulset/tributary", "--timeout=300s", within=330)

    def killed(self):
        self.namespace.kubectl("delete", "pod", "tributary-0", "--grace-period=0", "--force")
        self.ready()
        self.play()

    def upgraded(self):
        self.namespace.helm("upgrade", "tributary", str(self.settings.chart), "-f", "-", "--set",
                            "defaults.podAnnotations.release=next", "--wait", "--timeout=5m", stdin=self.values,
                            within=330)
        self.ready()
        self.play()
        self.namespace.helm("rollback", "tributary", "--wait", "--timeout=5m", within=330)
        self.ready()

    def backed_up(self):
        tell("   " + self.inside("backup", BACKUP, within=300).strip().splitlines()[-1])

    def lost(self):
        self.namespace.helm("uninstall", "tributary", "--wait")
        self.namespace.kubectl("delete", "pvc", "data-tributary-0", "--wait", "--timeout=120s")

    def restored(self):
        self.namespace.claim("data-tributary-0", "5Gi")
        log = self.namespace.to_its_end(self.restore_pod(), within=300)
        tell("   " + log.strip().splitlines()[-1])
        self.namespace.kubectl("delete", "pod", "restore")
        self.install()
        self.inside("verify", "--all", within=300)
        tell("   every read model equals the log")
        self.play()

    def restore_pod(self):
        """The pod of the chart with another command, before the chart is there."""
        rendered = call(["helm", "template", "tributary", str(self.settings.chart), "-n", self.namespace.name, "-f", "-",
                         "--show-only", "templates/statefulset.yaml"], stdin=self.values)
        template = call(["kubectl", "create", "--dry-run=client", "-o", "json", "-f", "-"], stdin=rendered)
        spec = json.loads(template)["spec"]["template"]["spec"]
        spec["serviceAccountName"] = "default"
        spec["restartPolicy"] = "Never"
        container = spec["containers"][0]
        container["args"] = ["restore", BACKUP]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle"):
            container.pop(probe, None)
        spec["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "data-tributary-0"}})
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "restore"}, "spec": spec}

    def steps(self):
        return [
            ("small: installed in a restricted namespace", self.first),
            ("small: helm test", self.test),
            ("small: messages in, answers out", self.play),
            ("small: the pod killed", self.killed),
            ("small: upgraded and rolled back", self.upgraded),
            ("small: backed up beside the running suite", self.backed_up),
            ("small: volume lost", self.lost),
            ("small: restored on an empty volume", self.restored),
            ("small: removed", self.namespace.remove),
        ]


if __name__ == "__main__":
    from settings import Settings
    main(Small(Settings()).steps())

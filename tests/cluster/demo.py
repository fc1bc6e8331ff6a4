"""The demo as a pod of the cluster: simulated platforms that the suite reaches, and the comparison of both sides."""

import json
import threading

from kube import Failed, need, tell

# What the demo prints before its report belongs to people.
REPORT = "{\n"


def report(log):
    """The JSON that ends the demo's output."""
    return json.loads(log[log.index(REPORT):])


def judge(found, refused_max=0):
    """Told in a line; fails when the sides differ or too many calls were refused."""
    answers, reply = found["answers"], found["first_reply"]
    tell(f"   {found['written']} messages, {found['deliveries']} deliveries, {found['refused']} refused; "
         f"{answers['sent']} answers, {len(answers['unknown'])} unknown; first reply p50 {reply['p50_ms']:.0f} ms, "
         f"p99 {reply['p99_ms']:.0f} ms; {found['leads']['threads']} threads with a lead; "
         f"{len(found['differences'])} differences")
    need(not found["differences"], f"the sides differ: {found['differences'][:3]}")
    need(found["refused"] <= refused_max, f"{found['refused']} calls were refused or not answered")


class Demo:
    """Demo pods beside a release of profile medium."""

    def __init__(self, namespace, release, image):
        self.namespace, self.release, self.image, self.count = namespace, release, image, 0

    def start(self, rate, kills=0):
        """Starts one; its name. The suite's pods reach it, whatever the policies of the release say."""
        self.count += 1
        name = f"demo-{self.count}"
        self.namespace.apply(self.policy())
        self.namespace.apply(self.pod(name, rate, kills))
        return name

    def finish(self, name, refused_max=0, within=600):
        self.namespace.until(f"{name} has ended", lambda: self.namespace.ended(name), within)
        log = self.namespace.kubectl("logs", name)
        if REPORT not in log:
            raise Failed(f"{name} told no report:\n{log[-4000:]}")
        judge(report(log), refused_max)

    def during(self, what, rate=6, refused_max=0):
        """Plays while `what` is done, again and again until it is done, and judges each play."""
        name = self.start(rate)
        self.namespace.until(f"{name} plays", lambda: self.namespace.get("pod", name)["status"].get("phase") != "Pending")
        job = Beside(what)
        while True:
            self.finish(name, refused_max)
            if job.is_over():
                break
            name = self.start(rate)
        job.result()

    def labels(self):
        return {"app.kubernetes.io/name": "tributary", "app.kubernetes.io/instance": self.release,
                "app.kubernetes.io/component": "test", "tributary-demo": "yes"}

    def policy(self):
        return {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "demo"},
            "spec": {"podSelector": {"matchLabels": {"tributary-demo": "yes"}}, "policyTypes": ["Ingress"],
                     "ingress": [{}]},
        }

    def pod(self, name, rate, kills):
        service = f"http://{self.release}"
        return {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": self.labels()},
            "spec": {
                "restartPolicy": "Never", "automountServiceAccountToken": False, "enableServiceLinks": False,
                "securityContext": {"runAsNonRoot": True, "fsGroup": 65532,
                                    "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "demo", "image": self.image,
                    "args": ["demo", "--json", f"--rate={rate}", f"--kills={kills}", "--timeout=180",
                             f"--suite-http={service}-channel-ingest:8080", f"--suite-api={service}-console:8081",
                             f"--suite-admin={service}-console:9090", "--own-address=$(POD_IP)"],
                    "env": [
                        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                        {"name": "TRIBUTARY_DATA", "value": "/tmp/data"},
                        {"name": "NATS_URL", "value": "nats://nats:4222"},
                        {"name": "TRIBUTARY_NATS_CREDENTIALS", "value": "/etc/tributary/nats"},
                        {"name": "TRIBUTARY_SERVICE_CREDENTIAL", "valueFrom": {
                            "secretKeyRef": {"name": "tributary-secrets", "key": "service-credential"}}},
                    ],
                    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                        "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"},
                                     {"name": "nats", "mountPath": "/etc/tributary/nats", "readOnly": True}],
                }],
                "volumes": [{"name": "tmp", "emptyDir": {}},
                            {"name": "nats", "secret": {"secretName": "tributary-nats-credentials",
                                                        "defaultMode": 0o440}}],
            },
        }


class Beside:
    """Something that is done in a thread of its own."""

    def __init__(self, what):
        self.failure = None

        def run():
            try:
                what()
            except Exception as failure:  # told by result(), in the test's own thread
                self.failure = failure

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def is_over(self):
        return not self.thread.is_alive()

    def result(self):
        self.thread.join()
        if self.failure:
            raise self.failure

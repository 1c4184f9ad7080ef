"""Sidecar of a PostgreSQL member: makes the end of a primary known at once.

Patroni gives its leader key up when it stops PostgreSQL by itself. When the whole container dies, nobody does, and the others wait
until the key expires (20 s) or the kubelet's back-off ends. This process shares the pod's network namespace and outlives the
container: it sees in /proc/net/tcp that nothing serves PostgreSQL any more, and then empties the key in this pod's name. When
Patroni lives and only PostgreSQL is gone, it wakes Patroni instead.

Why that is safe: no client and no standby is connected any more, so nothing can be acknowledged; and the key is emptied under the
resource version that was read *before* looking at the sockets, while Patroni renews the key before it starts a primary. If it did so
in between, the versions differ and the API server refuses.

At its start it also brings Patroni's dynamic configuration in the API server up to the mounted file; `bootstrap.dcs` of
patroni.yml is read only once in a cluster's life.
"""

import base64
import http.client
import http.server
import json
import os
import re
import signal
import ssl
import sys
import threading
import time

POSTGRES_PORT = 5432
PATRONI_PORT = 8008
HEALTH_PORT = 8009
# Seconds between two looks at the sockets: half of it is what the guard adds to a failover.
POLL_SECONDS = 0.15
# Seconds of API server time-out; the watch goes on whatever comes of it.
API_TIMEOUT_SECONDS = 3
# How long the emptying of the key is tried before the expiry is as quick, in seconds.
RELEASE_SECONDS = 15
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# A line of the table: number, local address and port, remote address and port, and the state (listening or established).
SERVED = re.compile(r"^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} (?:0A|01) ", re.MULTILINE)


def say(text: str) -> None:
    print(f"guard: {text}", file=sys.stderr, flush=True)


def open_ports(table: str) -> set[int]:
    """Local ports with a listener or a live connection, from the text of /proc/net/tcp or tcp6."""
    return {int(port, 16) for port in SERVED.findall(table)}


def serving() -> tuple[bool, bool]:
    """Whether anything of PostgreSQL, and of Patroni, is open in this pod."""
    ports: set[int] = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(name, encoding="ascii") as file:
            ports |= open_ports(file.read())
    return POSTGRES_PORT in ports, PATRONI_PORT in ports


class Api:
    """The Endpoints of this cluster in the API server."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.context = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")

    def request(self, method: str, name: str, body: dict | None = None) -> tuple[int, dict]:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
        with open(f"{ACCOUNT}/token", encoding="ascii") as file:
            headers = {"Authorization": f"Bearer {file.read()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        connection = http.client.HTTPSConnection(host, port, timeout=API_TIMEOUT_SECONDS, context=self.context)
        try:
            path = f"/api/v1/namespaces/{self.namespace}/endpoints/{name}"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def read(self, name: str) -> dict | None:
        status, found = self.request("GET", name)
        if status == 404:
            return None
        if status != 200:
            raise OSError(f"reading Endpoints {name}: HTTP {status} {found.get('message', '')}")
        return found


def annotations(found: dict) -> dict:
    return found["metadata"].get("annotations") or {}


def release(api: Api, scope: str, member: str, still_silent) -> str:
    """Empties the leader key if it is in this member's name. `still_silent` is asked after the key was read."""
    found = api.read(scope)
    if found is None or annotations(found).get("leader") != member:
        return "not the leader"
    if not still_silent():
        return "PostgreSQL is back"
    version = found["metadata"]["resourceVersion"]
    status, answer = api.request(
        "PATCH", scope, {"metadata": {"resourceVersion": version, "annotations": {"leader": None}}, "subsets": []}
    )
    if status == 200:
        return "released the leader key"
    if status == 409:
        return "the leader key was renewed meanwhile"
    raise OSError(f"emptying the leader key: HTTP {status} {answer.get('message', '')}")


def wake(dynamic: dict) -> None:
    """Makes Patroni look now instead of at its next turn: a configuration patch that changes nothing does just that."""
    user = f"{os.environ['PATRONI_RESTAPI_USERNAME']}:{os.environ['PATRONI_RESTAPI_PASSWORD']}"
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode(), "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", PATRONI_PORT, timeout=API_TIMEOUT_SECONDS)
    try:
        connection.request("PATCH", "/config", json.dumps({"loop_wait": dynamic["loop_wait"]}), headers)
        connection.getresponse().read()
    finally:
        connection.close()


def synchronise(api: Api, scope: str, dynamic: dict) -> str:
    """Brings the cluster's dynamic configuration up to ours; a cluster that is not initialised yet takes it from patroni.yml."""
    name = f"{scope}-config"
    found = api.read(name)
    if found is None or "config" not in annotations(found):
        return "the cluster takes its configuration at its first start"
    if json.loads(annotations(found)["config"]) == dynamic:
        return "the cluster's configuration is current"
    body = {"metadata": {"annotations": {"config": json.dumps(dynamic, sort_keys=True, separators=(",", ":"))}}}
    status, answer = api.request("PATCH", name, body)
    if status != 200:
        raise OSError(f"writing Endpoints {name}: HTTP {status} {answer.get('message', '')}")
    return "the cluster's configuration was brought up to date"


class Guard:
    """One `step` every POLL_SECONDS; what it looks at and acts on is given, so that it can be tried without a cluster."""

    def __init__(self, look, release_key, wake_patroni) -> None:
        self.look = look
        self.release_key = release_key
        self.wake_patroni = wake_patroni
        self.seen_postgres = False
        self.last_step = time.monotonic()
        self.woken = False
        self.stopping = False

    def stop(self, *_: object) -> None:
        """Asked to end. A pod deleted by force loses Patroni before it gives the key up, so this process goes on until it has."""
        self.stopping = True

    def done(self) -> bool:
        return self.stopping and not self.seen_postgres

    def step(self) -> None:
        self.last_step = time.monotonic()
        postgres, patroni = self.look()
        if postgres:
            self.seen_postgres, self.woken = True, False
            return
        # Only the end of a PostgreSQL that this process has seen: what an earlier pod of this name left is not ours to judge.
        if not self.seen_postgres:
            return
        if patroni:
            if not self.woken:
                self.woken = True
                self.wake_patroni()
            return
        self.seen_postgres = False
        self.release_key(lambda: self.look() == (False, False))


def serve_health(guard: Guard) -> None:
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if time.monotonic() - guard.last_step < 2 * RELEASE_SECONDS else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Probes are not worth a line each."""

    threading.Thread(target=http.server.HTTPServer(("", HEALTH_PORT), Health).serve_forever, daemon=True).start()


def attempt(what: str, seconds: float, work) -> None:
    """Repeats what the API server failed to answer, for so long; a failure is told and does not end the watch."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            outcome = work()
            if outcome:
                say(outcome)
            return
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() > deadline:
                say(f"{what} failed: {error}")
                return
            time.sleep(0.2)


def main() -> None:
    scope, member = os.environ["PATRONI_SCOPE"], os.environ["PATRONI_NAME"]
    with open(sys.argv[1], encoding="utf-8") as file:
        dynamic = json.load(file)
    api = Api(os.environ["PATRONI_KUBERNETES_NAMESPACE"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    attempt("synchronising the configuration", 30, lambda: synchronise(api, scope, dynamic))
    guard = Guard(
        serving,
        lambda silent: attempt("releasing the leader key", RELEASE_SECONDS, lambda: release(api, scope, member, silent)),
        lambda: attempt("waking Patroni", 0, lambda: wake(dynamic)),
    )
    signal.signal(signal.SIGTERM, guard.stop)
    serve_health(guard)
    while not guard.done():
        guard.step()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()

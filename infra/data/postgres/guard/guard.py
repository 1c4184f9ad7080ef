"""Sidecar of a PostgreSQL member: makes the end of a primary known at once.

When a member's container dies, nobody gives the leader key up, and the others wait until it expires (20 s) or the kubelet's back-off
ends. This process shares the pod's network namespace and outlives the container: it sees in /proc/net/tcp that nothing serves
PostgreSQL any more, and then empties the key in this pod's name. When only PostgreSQL is gone, what Patroni means by it decides: on a
switchover, and in a pod that is being deleted, the key is emptied at once, since Patroni would wait 1 to 2 s first; else Patroni is
woken, and judges.

Why that is safe: no client and no standby is connected any more, so nothing can be acknowledged; and the key is emptied under the
resource version that was read *before* looking at the sockets, while Patroni renews the key before it starts a primary. If it did so
in between, the versions differ and the API server refuses.

The pod's own token dies with the pod's object, so in a pod deleted by force neither Patroni nor this process could give the key up with
it. This process therefore holds a token of the same account that is bound to no pod, in its memory only.

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
POLL_SECONDS = 0.1
# Seconds of API server time-out; the watch goes on whatever comes of it.
API_TIMEOUT_SECONDS = 3
# How long the emptying of the key is tried before the expiry is as quick, in seconds.
RELEASE_SECONDS = 15
# Life of the token that is bound to no pod, in seconds, and the pause after a failure to get one. Renewed at half its life.
TOKEN_SECONDS = 3600
TOKEN_RETRY_SECONDS = 30
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


class Account:
    """The pod's service account: who it is by the mounted token, and a second token that outlives the pod's object."""

    def __init__(self) -> None:
        claims = json.loads(base64.urlsafe_b64decode(self.mounted().split(".")[1] + "=="))["kubernetes.io"]
        self.namespace: str = claims["namespace"]
        self.name: str = claims["serviceaccount"]["name"]
        self.pod_uid: str = claims["pod"]["uid"]
        self.unbound = ""
        self.expires = 0.0

    @staticmethod
    def mounted() -> str:
        with open(f"{ACCOUNT}/token", encoding="ascii") as file:
            return file.read()

    def token(self) -> str:
        return self.unbound if time.monotonic() < self.expires else self.mounted()

    def renew(self, call) -> int:
        """Asks the API server for the second token; returns its life in seconds."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        status, answer = call("POST", path, {**request, "spec": {"expirationSeconds": TOKEN_SECONDS}})
        if status != 201:
            raise OSError(f"asking for a token of {self.name}: HTTP {status} {answer.get('message', '')}")
        self.unbound, life = answer["status"]["token"], answer["spec"]["expirationSeconds"]
        self.expires = time.monotonic() + life
        return life

    def keep_renewed(self, call) -> None:
        while True:
            try:
                pause = self.renew(call) / 2
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                say(f"no token that outlives this pod: {error}")
                pause = TOKEN_RETRY_SECONDS
            time.sleep(pause)


class Api:
    """This cluster's Endpoints, and this member's pod, in the API server. Keeps its connection; for one thread."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.context = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
        self.connection: http.client.HTTPSConnection | None = None

    def call(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {self.account.token()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = f"application/{'merge-patch+' if method == 'PATCH' else ''}json"
        kept = self.connection is not None
        if self.connection is None:
            host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
            self.connection = http.client.HTTPSConnection(
                host, port, timeout=API_TIMEOUT_SECONDS, context=self.context
            )
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self.connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            # A connection that lay idle may have been closed by the other side.
            if kept and isinstance(error, (ConnectionError, ssl.SSLError)):
                return self.call(method, path, body)
            raise

    def request(self, method: str, name: str, body: dict | None = None, kind: str = "endpoints") -> tuple[int, dict]:
        return self.call(method, f"/api/v1/namespaces/{self.account.namespace}/{kind}/{name}", body)

    def read(self, name: str, kind: str = "endpoints") -> dict | None:
        status, found = self.request("GET", name, kind=kind)
        if status == 404:
            return None
        if status != 200:
            raise OSError(f"reading {kind} {name}: HTTP {status} {found.get('message', '')}")
        return found


def annotations(found: dict) -> dict:
    return found["metadata"].get("annotations") or {}


def handing_over(api: Api, scope: str, member: str) -> bool:
    """Whether this member is asked to hand over now."""
    wish = annotations(api.read(f"{scope}-failover") or {"metadata": {}})
    # A wish without a leader names a candidate only; one for later is not acted on yet.
    return "scheduled_at" not in wish and (wish.get("leader") == member or "leader" not in wish and "member" in wish)


def deleted(api: Api, member: str) -> bool:
    """Whether this pod is being deleted or gone. If so, it is also taken out of the race for the key: a Patroni that stops still takes
    connections but answers no more, and the others would wait a second for what it has to say."""
    pod = api.read(member, kind="pods")
    if pod is None or pod["metadata"]["uid"] != api.account.pod_uid:
        return True
    if "deletionTimestamp" not in pod["metadata"]:
        return False
    # The uid makes the API server refuse if another pod has this name by now; then there is nothing to do.
    api.request("PATCH", member, {"metadata": {"uid": api.account.pod_uid, "annotations": {"status": None}}}, kind="pods")
    return True


def release(api: Api, scope: str, member: str, still_silent, insist: bool = False) -> str:
    """Empties the leader key if it is in this member's name. `still_silent` is asked after the key was read.

    The address in the Endpoints stays until the next leader puts its own there: this pod refuses a connection at once, while a Service
    without an address refuses by ICMP, of which the kernel sends about one a second, and all other clients would wait for nothing.

    With `insist` a key that was renewed meanwhile is an error, to be tried again: this pod's own Patroni renews it until it has noticed.
    Without, Patroni is dead here, so it was renewed by the pod that takes this one's place.
    """
    found = api.read(scope)
    if found is None or annotations(found).get("leader") != member:
        return "not the leader"
    if not still_silent():
        return "PostgreSQL is back"
    version = found["metadata"]["resourceVersion"]
    status, answer = api.request("PATCH", scope, {"metadata": {"resourceVersion": version, "annotations": {"leader": None}}})
    if status == 200:
        return "released the leader key"
    if status == 409 and not insist:
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

    def __init__(self, look, release_key, wake_patroni, is_leaving) -> None:
        self.look = look
        self.release_key = release_key
        self.wake_patroni = wake_patroni
        self.is_leaving = is_leaving
        self.seen_postgres = False
        self.last_step = time.monotonic()
        self.judged = False
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
            self.seen_postgres, self.judged = True, False
            return
        # Only the end of a PostgreSQL that this process has seen: what an earlier pod of this name left is not ours to judge.
        if not self.seen_postgres:
            return
        if not patroni:
            self.seen_postgres = False
            self.release_key(lambda: self.look() == (False, False), False)
        elif not self.judged:
            self.judged = True
            if self.is_leaving():
                self.release_key(lambda: not self.look()[0], True)
            else:
                self.wake_patroni()


def serve_health(guard: Guard) -> None:
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if time.monotonic() - guard.last_step < 2 * RELEASE_SECONDS else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Probes are not worth a line each."""

    threading.Thread(target=http.server.HTTPServer(("", HEALTH_PORT), Health).serve_forever, daemon=True).start()


def attempt(what: str, seconds: float, work):
    """Repeats what the API server failed to answer, for so long; a failure is told and does not end the watch. Returns what `work` does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            outcome = work()
            if isinstance(outcome, str):
                say(outcome)
            return outcome
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() > deadline:
                say(f"{what} failed: {error}")
                return None
            time.sleep(0.1)


def main() -> None:
    scope, member = os.environ["PATRONI_SCOPE"], os.environ["PATRONI_NAME"]
    with open(sys.argv[1], encoding="utf-8") as file:
        dynamic = json.load(file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    account = Account()
    api = Api(account)
    threading.Thread(target=account.keep_renewed, args=(Api(account).call,), daemon=True).start()
    attempt("synchronising the configuration", 30, lambda: synchronise(api, scope, dynamic))
    guard = Guard(
        serving,
        lambda silent, insist: attempt(
            "releasing the leader key", RELEASE_SECONDS, lambda: release(api, scope, member, silent, insist)
        ),
        lambda: attempt("waking Patroni", 0, lambda: wake(dynamic)),
        lambda: attempt(
            "asking why PostgreSQL stopped", 0, lambda: handing_over(api, scope, member) or deleted(api, member)
        ),
    )
    signal.signal(signal.SIGTERM, guard.stop)
    serve_health(guard)
    while not guard.done():
        guard.step()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()

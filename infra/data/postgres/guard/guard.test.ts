import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ports } from "../ports";

const script = join(__dirname, "guard.py");

/** Runs Python against the guard's module, `guard`; returns what it prints as JSON. */
function inGuard(code: string): unknown {
  const load = `
import importlib.util, json, sys
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("guard", ${JSON.stringify(script)})
guard = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guard)
${code}`;
  const { status, stdout, stderr } = spawnSync("python3", ["-I", "-c", load], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** What the guard does when it sees, look by look, whether PostgreSQL and Patroni are open. */
function actions(looks: readonly (readonly [postgres: boolean, patroni: boolean])[], leaving = false): unknown {
  return inGuard(`
looks, done = json.loads(${JSON.stringify(JSON.stringify(looks))}), []
at = [0]
release = lambda silent, insist: done.append(["release", at[0], silent(), insist])
wake = lambda: done.append(["wake", at[0]])
watch = guard.Guard(lambda: tuple(looks[at[0]]), release, wake, lambda: ${leaving ? "True" : "False"})
for index in range(len(looks)):
    at[0] = index
    watch.step()
print(json.dumps(done))`);
}

/** What `release` answers and sends, for a leader's key as it is found. */
function release(leader: string | null, silent: boolean, answer: number, insist = false): unknown {
  return inGuard(`
sent = []
class Api:
    def read(self, name):
        return {"metadata": {"resourceVersion": "7", "annotations": {"leader": ${leader === null ? "None" : JSON.stringify(leader)}}}}
    def request(self, method, name, body):
        sent.append([method, name, body])
        return ${answer}, {}
try:
    outcome = guard.release(Api(), "postgres", "postgres-0", lambda: ${silent ? "True" : "False"}, ${insist ? "True" : "False"})
except OSError as error:
    outcome = f"error: {error}"
print(json.dumps([outcome, sent]))`);
}

/** Whether the member is to hand over, by the wish that the API server has. */
function handingOver(wish: Record<string, string> | null): unknown {
  return inGuard(`
wish = json.loads(${JSON.stringify(JSON.stringify(wish))})
class Api:
    def read(self, name):
        assert name == "postgres-failover"
        return wish and {"metadata": {"annotations": wish}}
print(json.dumps(guard.handing_over(Api(), "postgres", "postgres-0")))`);
}

/** Whether the pod counts as deleted, and what is sent, by the metadata that the API server has. */
function deleted(pod: Record<string, string> | null): unknown {
  return inGuard(`
pod, sent = json.loads(${JSON.stringify(JSON.stringify(pod))}), []
class Api:
    class account:
        pod_uid = "u1"
    def read(self, name, kind):
        assert (name, kind) == ("postgres-0", "pods")
        return pod and {"metadata": pod}
    def request(self, method, name, body, kind):
        sent.append([method, name, body, kind])
        return 200, {}
print(json.dumps([guard.deleted(Api(), "postgres-0"), sent]))`);
}

describe("the guard of a Postgres member", function () {
  before(function () {
    // The guard runs in the image, which has Python; a machine without it can only not try it here.
    if (spawnSync("python3", ["--version"]).status !== 0) this.skip();
  });

  it("releases the key when PostgreSQL and Patroni are both gone, once", () => {
    assert.deepEqual(
      actions([
        [true, true],
        [false, false],
        [false, false],
      ]),
      [["release", 1, true, false]],
    );
  });

  it("releases the key while Patroni still lives when the member is leaving, and insists, once", () => {
    const looks = [
      [true, true],
      [false, true],
      [false, true],
    ] as const;
    assert.deepEqual(actions(looks, true), [["release", 1, true, true]]);
  });

  it("releases the key again when Patroni is gone too, should it not have been given up", () => {
    const looks = [
      [true, true],
      [false, true],
      [false, false],
      [false, false],
    ] as const;
    assert.deepEqual(actions(looks, true), [
      ["release", 1, true, true],
      ["release", 2, true, false],
    ]);
  });

  it("wakes Patroni when only PostgreSQL is gone, once for each time", () => {
    assert.deepEqual(
      actions([
        [true, true],
        [false, true],
        [false, true],
        [true, true],
        [false, true],
      ]),
      [
        ["wake", 1],
        ["wake", 4],
      ],
    );
  });

  it("does nothing while Patroni is started again over a PostgreSQL that runs", () => {
    assert.deepEqual(
      actions([
        [true, true],
        [true, false],
        [true, true],
      ]),
      [],
    );
  });

  it("goes on after SIGTERM until the PostgreSQL that it saw is gone", () => {
    const done = inGuard(`
looks, done = [(True, True), (True, False), (False, False)], []
watch = guard.Guard(lambda: looks[0], lambda silent, insist: done.append("released"), lambda: None, lambda: False)
watch.step()
watch.stop()
while not watch.done():
    looks.pop(0)
    watch.step()
print(json.dumps([done, len(looks)]))`);
    assert.deepEqual(done, [["released"], 1]);
  });

  it("judges nothing that it has not seen running", () => {
    assert.deepEqual(
      actions([
        [false, false],
        [false, true],
      ]),
      [],
    );
  });

  it("empties the key under the version that it read", () => {
    assert.deepEqual(release("postgres-0", true, 200), [
      "released the leader key",
      [["PATCH", "postgres", { metadata: { resourceVersion: "7", annotations: { leader: null } } }]],
    ]);
  });

  it("leaves a key that was renewed, is another's, is empty, or when PostgreSQL is back", () => {
    assert.deepEqual((release("postgres-0", true, 409) as unknown[])[0], "the leader key was renewed meanwhile");
    assert.deepEqual(release("postgres-1", true, 200), ["not the leader", []]);
    assert.deepEqual(release(null, true, 200), ["not the leader", []]);
    assert.deepEqual(release("postgres-0", false, 200), ["PostgreSQL is back", []]);
  });

  it("tries again when its own Patroni renewed the key of a member that is leaving", () => {
    assert.match(
      String((release("postgres-0", true, 409, true) as unknown[])[0]),
      /^error: emptying the leader key: HTTP 409/,
    );
  });

  it("takes a member for leaving when it is to hand over now", () => {
    assert.equal(handingOver({ leader: "postgres-0" }), true);
    assert.equal(handingOver({ leader: "postgres-0", member: "postgres-1" }), true);
    assert.equal(handingOver({ member: "postgres-1" }), true);
    assert.equal(handingOver({ leader: "postgres-0", scheduled_at: "2026-01-01T00:00:00+00:00" }), false);
    assert.equal(handingOver({ leader: "postgres-1" }), false);
    assert.equal(handingOver({}), false);
    assert.equal(handingOver(null), false);
  });

  it("takes a member for leaving when its pod is gone or was replaced", () => {
    assert.deepEqual(deleted(null), [true, []]);
    assert.deepEqual(deleted({ uid: "u2" }), [true, []]);
    assert.deepEqual(deleted({ uid: "u1" }), [false, []]);
  });

  it("takes a pod that is being deleted out of the race, and no other of its name", () => {
    const patch = { metadata: { uid: "u1", annotations: { status: null } } };
    assert.deepEqual(deleted({ uid: "u1", deletionTimestamp: "2026-01-01T00:00:00Z" }), [
      true,
      [["PATCH", "postgres-0", patch, "pods"]],
    ]);
  });

  it("uses a token that is bound to no pod while that one lives, else the pod's own", () => {
    const claims = { "kubernetes.io": { namespace: "data", pod: { uid: "u1" }, serviceaccount: { name: "postgres" } } };
    const mounted = `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;
    const [before, life, during, after, calls] = inGuard(`
guard.Account.mounted = staticmethod(lambda: ${JSON.stringify(mounted)})
account, calls = guard.Account(), []
def call(method, path, body):
    calls.append([method, path, body["spec"]])
    return 201, {"status": {"token": "unbound"}, "spec": {"expirationSeconds": 600}}
before = account.token()
life = account.renew(call)
during = account.token()
account.expires = 0
print(json.dumps([before, life, during, account.token(), calls]))`) as unknown[];
    assert.deepEqual([before, life, during, after], [mounted, 600, "unbound", mounted]);
    assert.deepEqual(calls, [
      ["POST", "/api/v1/namespaces/data/serviceaccounts/postgres/token", { expirationSeconds: 3600 }],
    ]);
  });

  it("counts listeners and live connections, and no others", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
      "   0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999",
      "   1: 0100007F:1F48 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   999",
      "   2: 0100007F:1F49 0100007F:9C40 06 00000000:00000000 00:00000000 00000000   999",
      "   3: 0100007F:9C40 0100007F:1538 08 00000000:00000000 00:00000000 00000000   999",
    ].join("\\n");
    assert.deepEqual(inGuard(`print(json.dumps(sorted(guard.open_ports("${table}"))))`), [5432, 8008]);
  });

  it("names the same ports as the program", () => {
    const text = readFileSync(script, "utf8");
    for (const [name, port] of [
      ["POSTGRES_PORT", ports.postgres],
      ["PATRONI_PORT", ports.patroni],
      ["HEALTH_PORT", ports.guard],
    ] as const) {
      assert.match(text, new RegExp(`^${name} = ${port}$`, "m"));
    }
  });
});

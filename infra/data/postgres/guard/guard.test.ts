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
function actions(looks: readonly (readonly [postgres: boolean, patroni: boolean])[]): unknown {
  return inGuard(`
looks, done = json.loads(${JSON.stringify(JSON.stringify(looks))}), []
at = [0]
watch = guard.Guard(lambda: tuple(looks[at[0]]), lambda silent: done.append(["release", at[0], silent()]), lambda: done.append(["wake", at[0]]))
for index in range(len(looks)):
    at[0] = index
    watch.step()
print(json.dumps(done))`);
}

/** What `release` answers and sends, for a leader's key as it is found. */
function release(leader: string | null, silent: boolean, answer: number): unknown {
  return inGuard(`
sent = []
class Api:
    def read(self, name):
        return {"metadata": {"resourceVersion": "7", "annotations": {"leader": ${leader === null ? "None" : JSON.stringify(leader)}}}}
    def request(self, method, name, body):
        sent.append([method, name, body])
        return ${answer}, {}
print(json.dumps([guard.release(Api(), "postgres", "postgres-0", lambda: ${silent ? "True" : "False"}), sent]))`);
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
      [["release", 1, true]],
    );
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
watch = guard.Guard(lambda: looks[0], lambda silent: done.append("released"), lambda: None)
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
      [["PATCH", "postgres", { metadata: { resourceVersion: "7", annotations: { leader: null } }, subsets: [] }]],
    ]);
  });

  it("leaves a key that was renewed, is another's, is empty, or when PostgreSQL is back", () => {
    assert.deepEqual((release("postgres-0", true, 409) as unknown[])[0], "the leader key was renewed meanwhile");
    assert.deepEqual(release("postgres-1", true, 200), ["not the leader", []]);
    assert.deepEqual(release(null, true, 200), ["not the leader", []]);
    assert.deepEqual(release("postgres-0", false, 200), ["PostgreSQL is back", []]);
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

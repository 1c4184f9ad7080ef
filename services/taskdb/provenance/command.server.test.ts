import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { backends, context, Ground, populate } from "../log/testing";
import type { Verification } from "./debugger";
import { DatabaseEvidence } from "./evidence";
import { ProvenanceDebugger } from "./debugger";

const program = join(__dirname, "..", "qn.mjs");

describe("qn report:debug-provenance", function () {
  this.timeout(120_000);
  let ground: Ground;
  before(async function () {
    ground = await Ground.start(this);
  });
  after(() => ground?.remove());

  const qn = (address: string, ...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const postgres = address.startsWith("postgresql:");
      const env = {
        PATH: process.env.PATH,
        TASKDB_BACKEND: postgres ? "postgres" : "sqlite",
        ...(postgres ? { TASKDB_POSTGRES_URL: address } : { TASKDB_SQLITE_PATH: address }),
        TASKDB_ARTIFACTS_DIR: join(ground.folder, "artifacts"),
      };
      execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  for (const backend of backends) {
    it(`passes a report that still holds, and tells what has changed since (${backend})`, async () => {
      const { address, store } = await ground.fresh(backend);
      const { tasks, runs } = await populate(store);
      const [first = "", second = ""] = tasks;
      const content = `built by ${backend}`;
      const sha256 = createHash("sha256").update(content).digest("hex");
      await mkdir(join(ground.folder, "artifacts"), { recursive: true });
      await writeFile(join(ground.folder, "artifacts", `${backend}.bin`), content);
      await store.createArtifact(
        first,
        { run_id: null, path: `${backend}.bin`, sha256, size_bytes: content.length },
        context,
      );
      const doomed = (await store.createRun(second, { status: "running", tool_calls: [], metrics: {} }, context)).entity
        .id;
      const claims = [
        `task_id:${first}`,
        `task_id:${second}`,
        `run_id:${runs[0]}`,
        `run_id:${doomed}`,
        `artifact_hash:sha256:${sha256}`,
      ];
      const { entity: report } = await store.publishReport({ title: "Report", claims }, context);
      const path = join(ground.folder, `${backend}.json`);
      await writeFile(path, JSON.stringify(report));

      const holds = await qn(address, "report:debug-provenance", path);
      assert.equal(holds.code, 0, holds.stderr);
      const lines = holds.stdout.trimEnd().split("\n");
      assert.equal(lines[0], `Debugging provenance for snapshot ${report.verification_snapshot_ts}`);
      assert.equal(lines.filter((line) => line.startsWith("[PASS] ")).length, 5, holds.stdout);

      await store.updateTask(second, { status: "completed" }, context);
      await store.deleteRun(doomed, context);
      await writeFile(join(ground.folder, "artifacts", `${backend}.bin`), "built again");
      const json = await qn(address, "report:debug-provenance", path, "--json");
      assert.equal(json.code, 1, json.stderr);
      const found = JSON.parse(json.stdout) as Verification;
      assert.deepEqual(
        found.claims.map(({ status }) => status),
        ["pass", "fail", "pass", "fail", "fail"],
      );
      assert.deepEqual(found.claims[1]?.details, {
        expected: `status=in_progress (at ${report.verification_snapshot_ts})`,
        actual: "status=completed (current)",
        mismatch: "Status changed after the snapshot",
      });
      assert.equal(found.claims[3]?.details.mismatch, "Run was deleted after the snapshot");
      assert.equal(found.claims[4]?.details.mismatch, "Content changed after the snapshot");
      const verbose = await qn(address, "report:debug-provenance", path, "--verbose");
      assert.equal(
        verbose.stdout.split("\n").filter((line) => /^ {8}(Expected:|Actual: {2}|Mismatch:) \S/.test(line)).length,
        9,
      );
    });
  }

  it("ends with 2 on bad input, with nothing on standard output, and with 1 when the database is not there", async () => {
    const bad = join(ground.folder, "bad.json");
    await writeFile(bad, '{"verification_snapshot_ts": "2026-01-15T0');
    const { address } = await ground.fresh("sqlite");
    const cut = await qn(address, "report:debug-provenance", bad, "--verbose");
    assert.deepEqual([cut.code, cut.stdout], [2, ""]);
    assert.match(cut.stderr, /^qn: .*bad\.json is no JSON, or was cut off: /);
    assert.equal((await qn(address, "report:debug-provenance")).code, 2);
    const good = join(ground.folder, "good.json");
    await writeFile(
      good,
      `{"verification_snapshot_ts": "2026-01-15T09:30:00Z", "claims_validated": [{"claim": "sha256:${"0".repeat(64)}"}]}`,
    );
    const down = await qn("postgresql://x:y@127.0.0.1:1/z", "report:debug-provenance", good);
    assert.equal(down.code, 1);
    assert.match(down.stderr, /^qn: /);
    assert.equal((await qn(address, "report:debug-provenance", good)).code, 1);
  });

  it("takes one round trip for all claims of a kind", async () => {
    const { database, store } = await ground.fresh("postgres");
    const { tasks, runs } = await populate(store, 5);
    const debug = new ProvenanceDebugger(new DatabaseEvidence(database), ground.folder);
    const claims = [...tasks.map((id) => `task_id:${id}`), ...runs.map((id) => `run_id:${id}`)];
    const { entity: report } = await store.publishReport({ title: "Ten", claims }, context);
    const logged = async () => (await ground.instance.log()).split("FROM (SELECT unnest(").length - 1;
    const before = await logged();
    const found = await debug.debugReport(report);
    assert.deepEqual([found.passed, found.failed], [10, 0]);
    assert.equal((await logged()) - before, 2);
  });
});

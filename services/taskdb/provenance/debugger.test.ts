import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProvenanceDebugger } from "./debugger";
import type { Entry, Evidence, StoredFile } from "./evidence";
import { format } from "./format";

const snapshot = "2026-01-15T09:30:00.000000Z";
const id = (n: number) => `a1b2c3d${n}-0000-4000-8000-000000000000`;
const content = "the artifact";
const sha256 = createHash("sha256").update(content).digest("hex");

const entry = (n: number, then: string | null, current: string | null, deleted = false): Entry => ({
  id: id(n),
  current,
  then: then === null ? null : { deleted, status: then },
});

class Known implements Evidence {
  trips = 0;
  constructor(
    private readonly known: readonly Entry[],
    private readonly stored: readonly StoredFile[] = [],
  ) {}
  async entries(_: "tasks" | "runs", ids: readonly string[]): Promise<Entry[]> {
    this.trips++;
    return this.known.filter((each) => ids.includes(each.id));
  }
  async files(hashes: readonly string[]): Promise<StoredFile[]> {
    this.trips++;
    return this.stored.filter((each) => hashes.includes(each.sha256));
  }
}

describe("provenance debugger", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "artifacts-"));
    await mkdir(join(folder, "in"));
    await writeFile(join(folder, "in", "out.txt"), content);
    await writeFile(join(folder, "in", "changed.txt"), "something else");
    await writeFile(`${folder}-outside`, content);
    await symlink(`${folder}-outside`, join(folder, "link.txt"));
  });
  after(async () => {
    await rm(folder, { recursive: true });
    await rm(`${folder}-outside`);
  });

  it("prints what T-38 to T-43 ask for, to the letter", async () => {
    const evidence = new Known([
      entry(1, "completed", "completed"),
      entry(2, "completed", "in_progress"),
      entry(3, "running", null),
    ]);
    const debug = new ProvenanceDebugger(evidence, folder);
    const claims = [1, 2].map((n) => ({ claim: { kind: "task_id" as const, value: id(n) } }));
    const found = await debug.debugClaims(
      [...claims, { claim: { kind: "run_id", value: id(3) } }, { claim: { kind: "artifact_hash", value: sha256 } }],
      snapshot,
    );
    const first = "Debugging provenance for snapshot 2026-01-15T09:30:00.000000Z";
    assert.equal(
      format(found, true),
      [
        first,
        "[PASS] task_id: a1b2c3d1... - Task exists and its status matches the snapshot",
        "[FAIL] task_id: a1b2c3d2... - Task exists but its status does not match",
        "        Expected: status=completed (at 2026-01-15T09:30:00.000000Z)",
        "        Actual:   status=in_progress (current)",
        "        Mismatch: Status changed after the snapshot",
        "[FAIL] run_id: a1b2c3d3... - Run does not exist in the database",
        "        Expected: Run exists (from snapshot)",
        "        Actual:   Run not found in the database",
        "        Mismatch: Run was deleted after the snapshot",
        `[FAIL] artifact_hash: sha256:${sha256.slice(0, 8)}... - Artifact is not in the database`,
        `        Expected: sha256:${sha256} (at 2026-01-15T09:30:00.000000Z)`,
        "        Actual:   not found in the database",
        "        Mismatch: No artifact with this hash was registered",
        "",
      ].join("\n"),
    );
    assert.deepEqual(
      format(found, false)
        .split("\n")
        .map((line) => line.slice(0, 6)),
      [first.slice(0, 6), "[PASS]", "[FAIL]", "[FAIL]", "[FAIL]", ""],
    );
    assert.deepEqual([found.passed, found.failed, evidence.trips], [1, 3, 3]);
  });

  const mismatch = async (kind: "task_id" | "run_id", known: Entry, status?: string) => {
    const debug = new ProvenanceDebugger(new Known([known]), folder);
    const { details } = await debug.debugClaim({ claim: { kind, value: known.id }, status }, snapshot);
    return details.mismatch;
  };

  it("tells what was never there, came later, or was gone before", async () => {
    for (const [kind, noun] of [
      ["task_id", "Task"],
      ["run_id", "Run"],
    ] as const) {
      assert.equal(await mismatch(kind, entry(1, null, null)), `${noun} is not in the event log up to the snapshot`);
      assert.equal(await mismatch(kind, entry(1, null, "running")), `${noun} was created after the snapshot`);
      assert.equal(await mismatch(kind, entry(1, "running", null, true)), `${noun} was deleted before the snapshot`);
      assert.equal(await mismatch(kind, entry(1, "running", null)), `${noun} was deleted after the snapshot`);
    }
  });

  it("passes a run whose status went on, and says so", async () => {
    const debug = new ProvenanceDebugger(new Known([entry(1, "running", "completed")]), folder);
    const { status, finding } = await debug.debugClaim(`run_id:${id(1)}`, snapshot);
    assert.deepEqual(
      [status, finding],
      ["pass", "Run exists in the database; it was running at the snapshot and is completed now"],
    );
  });

  it("does not believe a report that the event log contradicts", async () => {
    assert.equal(await mismatch("task_id", entry(1, "pending", "pending"), "pending"), null);
    assert.equal(
      await mismatch("task_id", entry(1, "pending", "completed"), "completed"),
      "Report says completed, the event log says pending at the snapshot",
    );
  });

  const artifact = async (...paths: string[]) => {
    const stored = paths.map((path) => ({ sha256, path, created_at: "2026-01-15T09:00:00.000000Z" }));
    return new ProvenanceDebugger(new Known([], stored), folder).debugClaim(`sha256:${sha256}`, snapshot);
  };

  it("reads an artifact's file, whichever of its paths has it", async () => {
    assert.equal((await artifact("in/out.txt")).status, "pass");
    assert.equal((await artifact("in/gone.txt", "in/changed.txt", "in/out.txt")).status, "pass");
    assert.match((await artifact("in/gone.txt")).details.mismatch ?? "", /removed or moved/);
    const changed = await artifact("in/changed.txt");
    assert.equal(changed.finding, "File exists but its hash does not match");
    assert.match(changed.details.actual, /^sha256:[0-9a-f]{64} \(in\/changed\.txt, current\)$/);
    assert.match((await artifact("in")).details.mismatch ?? "", /it is no file/);
  });

  it("reads nothing outside the folder of artifacts, by dots, from the root or through a link", async () => {
    const outside = `${folder}-outside`;
    for (const path of [`../${outside.split("/").at(-1)}`, outside, "in/../../x", "link.txt", "."]) {
      const { status, details } = await artifact(path);
      assert.equal(status, "fail", path);
      assert.match(details.mismatch ?? "", /leads out of the folder of artifacts/, path);
    }
  });

  it("does not count an artifact that was registered after the snapshot", async () => {
    const stored = [{ sha256, path: "in/out.txt", created_at: "2026-01-15T09:30:00.000001Z" }];
    const debug = new ProvenanceDebugger(new Known([], stored), folder);
    const { details } = await debug.debugClaim(`artifact_hash:sha256:${sha256}`, snapshot);
    assert.equal(details.mismatch, "Artifact was registered after the snapshot");
  });

  it("lets no path write lines of its own", async () => {
    const found = await artifact("in/x\n[PASS] task_id: forged");
    const text = format({ verification_snapshot_ts: snapshot, passed: 0, failed: 1, claims: [found] }, true);
    assert.equal(text.trimEnd().split("\n").length, 5);
  });
});

import { z } from "zod";
import type { Report } from "../domain";
import type { Entry, Evidence, StoredFile } from "./evidence";
import { type Claim, normalTime, parseClaim, readProvenance, type RecordedClaim } from "./file";
import { fileState, type FileState } from "./files";

export const claimVerification = z.strictObject({
  claim: z.string(),
  kind: z.enum(["task_id", "run_id", "artifact_hash"]),
  status: z.enum(["pass", "fail"]),
  /** In one sentence. */
  finding: z.string(),
  details: z.strictObject({
    expected: z.string(),
    actual: z.string(),
    /** Null when it passes. */
    mismatch: z.string().nullable(),
  }),
});
export const verification = z.strictObject({
  verification_snapshot_ts: z.string(),
  passed: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  claims: z.array(claimVerification),
});
export type ClaimVerification = z.infer<typeof claimVerification>;
export type Verification = z.infer<typeof verification>;

export interface DebugOptions {
  /**
   * Folder of the artifacts' files.
   * @default that of the debugger
   */
  readonly artifactsDir?: string;
}

/** What a claim is held against. */
interface Findings {
  readonly entries: Readonly<Record<"task_id" | "run_id", ReadonlyMap<string, Entry>>>;
  readonly files: ReadonlyMap<string, readonly StoredFile[]>;
  readonly state: (path: string) => Promise<FileState>;
}

type Verdict = Pick<ClaimVerification, "finding" | "details">;

/** Says of each claim of a report whether it still holds, and if not, what has changed since its snapshot. */
export class ProvenanceDebugger {
  constructor(
    private readonly evidence: Evidence,
    private readonly artifactsDir: string,
  ) {}

  /** Of a provenance file; throws `BadProvenance`. */
  async debugProvenance(file: string, options: DebugOptions = {}): Promise<Verification> {
    const { snapshot, claims } = await readProvenance(file);
    return this.debugClaims(claims, snapshot, options);
  }

  /** Of a report as the store has it. */
  debugReport(
    { verification_snapshot_ts, claims_validated }: Pick<Report, "verification_snapshot_ts" | "claims_validated">,
    options: DebugOptions = {},
  ): Promise<Verification> {
    const claims = claims_validated.map(({ claim, status }) => ({ claim: known(claim), status }));
    return this.debugClaims(claims, verification_snapshot_ts, options);
  }

  async debugClaim(
    claim: string | RecordedClaim,
    snapshot: string,
    options: DebugOptions = {},
  ): Promise<ClaimVerification> {
    const recorded = typeof claim === "string" ? { claim: known(claim) } : claim;
    const { claims } = await this.debugClaims([recorded], snapshot, options);
    const [result] = claims;
    if (!result) throw new Error("the claim gave no result");
    return result;
  }

  /** All claims of a kind take one round trip. */
  async debugClaims(
    claims: readonly RecordedClaim[],
    snapshot: string,
    { artifactsDir = this.artifactsDir }: DebugOptions = {},
  ): Promise<Verification> {
    const at = normalTime(snapshot);
    if (at === undefined) throw new Error(`the snapshot ${snapshot} must be a time, as in 2026-01-15T09:30:00.000000Z`);
    const of = (kind: Claim["kind"]) => [
      ...new Set(claims.flatMap(({ claim }) => (claim.kind === kind ? [claim.value] : []))),
    ];
    const entries = async (table: "tasks" | "runs", ids: string[]) =>
      new Map((ids.length === 0 ? [] : await this.evidence.entries(table, ids, at)).map((entry) => [entry.id, entry]));
    const hashes = of("artifact_hash");
    const [tasks, runs, stored] = await Promise.all([
      entries("tasks", of("task_id")),
      entries("runs", of("run_id")),
      hashes.length === 0 ? [] : this.evidence.files(hashes),
    ]);
    const files = new Map<string, StoredFile[]>();
    for (const file of stored) files.set(file.sha256, [...(files.get(file.sha256) ?? []), file]);
    const findings: Findings = {
      entries: { task_id: tasks, run_id: runs },
      files,
      state: (path) => fileState(artifactsDir, path),
    };
    const results = await Promise.all(
      claims.map(async (recorded): Promise<ClaimVerification> => {
        const { kind, value } = recorded.claim;
        const { finding, details } = await verdict(recorded, { shown: snapshot, at }, findings);
        const status = details.mismatch === null ? "pass" : "fail";
        return {
          claim: `${kind}:${kind === "artifact_hash" ? "sha256:" : ""}${value}`,
          kind,
          status,
          finding,
          details,
        };
      }),
    );
    const passed = results.filter(({ status }) => status === "pass").length;
    return { verification_snapshot_ts: snapshot, passed, failed: results.length - passed, claims: results };
  }
}

function known(text: string): Claim {
  const claim = parseClaim(text);
  if (!claim) throw new Error(`${text} is no claim; it must be as in task_id:<uuid>`);
  return claim;
}

interface Snapshot {
  /** As it was given. */
  readonly shown: string;
  readonly at: string;
}

async function verdict(recorded: RecordedClaim, snapshot: Snapshot, findings: Findings): Promise<Verdict> {
  const { kind, value } = recorded.claim;
  if (kind === "artifact_hash")
    return artifactVerdict(findings.files.get(value) ?? [], value, snapshot, findings.state);
  const entry = findings.entries[kind].get(value) ?? { id: value, current: null, then: null };
  return kind === "task_id" ? taskVerdict(entry, recorded.status, snapshot) : runVerdict(entry, snapshot);
}

const pass = (finding: string, expected: string, actual: string): Verdict => ({
  finding,
  details: { expected, actual, mismatch: null },
});
const fail = (finding: string, expected: string, actual: string, mismatch: string): Verdict => ({
  finding,
  details: { expected, actual, mismatch },
});

/** Of a task or run that was not there at the snapshot, or is not there now; undefined when it was and is. */
function absence(noun: "Task" | "Run", { current, then }: Entry): Verdict | undefined {
  const expected = `${noun} exists (from snapshot)`;
  const actual = current === null ? `${noun} not found in the database` : `${noun} exists (current)`;
  if (then === null) {
    return current === null
      ? fail(
          `${noun} does not exist in the database`,
          expected,
          actual,
          `${noun} is not in the event log up to the snapshot`,
        )
      : fail(`${noun} did not exist at the snapshot`, expected, actual, `${noun} was created after the snapshot`);
  }
  if (then.deleted) {
    return fail(`${noun} did not exist at the snapshot`, expected, actual, `${noun} was deleted before the snapshot`);
  }
  if (current !== null) return undefined;
  return fail(`${noun} does not exist in the database`, expected, actual, `${noun} was deleted after the snapshot`);
}

function taskVerdict(entry: Entry, recorded: string | null | undefined, { shown }: Snapshot): Verdict {
  const absent = absence("Task", entry);
  if (absent) return absent;
  const [then, now] = [entry.then?.status ?? "", entry.current ?? ""];
  const expected = `status=${recorded ?? then} (at ${shown})`;
  const actual = `status=${now} (current)`;
  if (typeof recorded === "string" && recorded !== then) {
    const mismatch = `Report says ${recorded}, the event log says ${then} at the snapshot`;
    return fail("Task does not have the status that the report recorded", expected, actual, mismatch);
  }
  return then === now
    ? pass("Task exists and its status matches the snapshot", expected, actual)
    : fail("Task exists but its status does not match", expected, actual, "Status changed after the snapshot");
}

function runVerdict(entry: Entry, snapshot: Snapshot): Verdict {
  const absent = absence("Run", entry);
  if (absent) return absent;
  const [then, now] = [entry.then?.status ?? "", entry.current ?? ""];
  const [expected, actual] = [`Run exists (${then} at ${snapshot.shown})`, `Run exists (${now}, current)`];
  const changed = then === now ? "" : `; it was ${then} at the snapshot and is ${now} now`;
  return pass(`Run exists in the database${changed}`, expected, actual);
}

/** Contents may have been registered under several paths; one file that has them is enough. */
async function artifactVerdict(
  files: readonly StoredFile[],
  sha256: string,
  { shown, at }: Snapshot,
  stateOf: Findings["state"],
): Promise<Verdict> {
  const expected = `sha256:${sha256} (at ${shown})`;
  const then = files.filter(({ created_at }) => created_at <= at);
  const [first] = then;
  if (!first) {
    const [later] = files;
    return later
      ? fail(
          "Artifact did not exist at the snapshot",
          expected,
          `registered at ${later.created_at}`,
          "Artifact was registered after the snapshot",
        )
      : fail(
          "Artifact is not in the database",
          expected,
          "not found in the database",
          "No artifact with this hash was registered",
        );
  }
  let verdict: Verdict | undefined;
  for (const { path } of then) {
    const found = await stateOf(path);
    if (found.state === "found" && found.sha256 === sha256) {
      return pass("File exists and its hash matches", expected, `sha256:${found.sha256} (${path})`);
    }
    verdict ??= unfit(path, found, expected);
  }
  return verdict ?? unfit(first.path, { state: "missing" }, expected);
}

function unfit(path: string, found: FileState, expected: string): Verdict {
  switch (found.state) {
    case "missing":
      return fail("File does not exist", expected, `${path} not found`, "File was removed or moved after the snapshot");
    case "refused":
      return fail("File cannot be verified", expected, `${path} not read`, `${path}: ${found.reason}`);
    case "found": {
      const actual = `sha256:${found.sha256} (${path}, current)`;
      return fail("File exists but its hash does not match", expected, actual, "Content changed after the snapshot");
    }
  }
}

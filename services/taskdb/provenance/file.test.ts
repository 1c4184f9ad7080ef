import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadProvenance, normalTime, parseProvenance, readProvenance } from "./file";

const id = "a1b2c3d4-0000-4000-8000-000000000000";
const hash = "ab".repeat(32);
const valid = {
  verification_snapshot_ts: "2026-01-15T09:30:00.000000Z",
  claims_validated: [
    { claim: `task_id:${id}`, result: "pass", status: "completed" },
    { claim: `run_id: ${id.toUpperCase()}` },
    { claim: `sha256:${hash}` },
    { claim: `artifact_hash:sha256:${hash}`, status: null },
  ],
};

describe("provenance file", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "provenance-"))));
  after(() => rm(folder, { recursive: true }));

  it("gives its snapshot as it stands, and its claims in one form", async () => {
    const path = join(folder, "prov.json");
    await writeFile(path, JSON.stringify({ ...valid, id, title: "of the API", version: 1 }));
    assert.deepEqual(await readProvenance(path), {
      snapshot: "2026-01-15T09:30:00.000000Z",
      claims: [
        { claim: { kind: "task_id", value: id }, result: "pass", status: "completed" },
        { claim: { kind: "run_id", value: id } },
        { claim: { kind: "artifact_hash", value: hash } },
        { claim: { kind: "artifact_hash", value: hash }, status: null },
      ],
    });
  });

  const refused = (document: unknown, message: RegExp) => {
    const text = typeof document === "string" ? document : JSON.stringify(document);
    assert.throws(
      () => parseProvenance(text, "prov.json"),
      (error: Error) => {
        assert(error instanceof BadProvenance);
        assert.match(error.message, message);
        return true;
      },
    );
  };
  const withClaim = (claim: unknown) => ({ ...valid, claims_validated: [valid.claims_validated[0], { claim }] });

  it("that is empty, cut off or no JSON is refused", () => {
    refused("", /^prov\.json is empty; fetch/);
    refused(" \n", /^prov\.json is empty/);
    refused(JSON.stringify(valid).slice(0, 90), /^prov\.json is no JSON, or was cut off: .*; fetch/);
    refused("{a: 1}", /^prov\.json is no JSON: /);
    refused("[]", /^prov\.json: the document is \[\]: it must be an object with verification_snapshot_ts/);
  });

  it("of another version or shape is refused, with place, value and what is right", () => {
    refused({ ...valid, version: 2 }, /^prov\.json: version is 2: this release reads version 1 only$/);
    refused({ claims_validated: [] }, /^prov\.json: verification_snapshot_ts is missing: it must be a time, as in/);
    refused({ ...valid, verification_snapshot_ts: "yesterday" }, /verification_snapshot_ts is "yesterday": it must be/);
    refused({ ...valid, verification_snapshot_ts: "2026-13-45T99:00:00Z" }, /it must be a time/);
    refused({ ...valid, claims_validated: {} }, /claims_validated is \{\}: it must be a list of objects/);
    refused({ ...valid, claims_validated: ["x"] }, /claims_validated\[0\] is "x": it must be an object with a "claim"/);
    refused({ ...valid, claims_validated: Array(1001).fill({ claim: `run_id:${id}` }) }, /at most 1000 claims/);
  });

  it("with a claim that is none is refused", () => {
    refused(
      withClaim(`gate_id:${id}`),
      /claims_validated\[1\]\.claim is "gate_id:.*": the kind of claim gate_id is unknown/,
    );
    refused(withClaim("task_id:1"), /claims_validated\[1\]\.claim is "task_id:1": it must be task_id:<uuid>/);
    refused(withClaim(`task_id:${id}' OR 1=1`), /it must be task_id:<uuid>/);
    refused(withClaim(7), /claims_validated\[1\]\.claim is 7: must be a text/);
    refused(withClaim(undefined), /claims_validated\[1\]\.claim is missing/);
  });

  it("that is not there, is a folder or too large is refused", async () => {
    await assert.rejects(readProvenance(join(folder, "none.json")), /none\.json is not there; give the path/);
    await assert.rejects(readProvenance(folder), /is a folder; give/);
    const large = join(folder, "large.json");
    await writeFile(large, "");
    await truncate(large, 2 ** 24 + 1);
    await assert.rejects(readProvenance(large), /has 16777217 bytes; a provenance file has at most 16777216/);
  });

  it("may give its time in any zone and with any number of digits", () => {
    assert.equal(normalTime("2026-01-15T10:30:00.1234+01:00"), "2026-01-15T09:30:00.123400Z");
    assert.equal(normalTime("2026-01-15T09:30:00Z"), "2026-01-15T09:30:00.000000Z");
    assert.equal(normalTime("2026-01-15T09:30:00"), undefined);
  });
});

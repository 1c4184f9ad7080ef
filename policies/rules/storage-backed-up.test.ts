import assert from "node:assert/strict";
import type { Resource } from "../object";
import { resource, run } from "../testing";
import { storageBackedUp as rule } from "./storage-backed-up";

const NAME = "ballast.dev/backup";
const set = (own: Record<string, string>, ofClaim: Record<string, string> = {}): Resource =>
  resource("kubernetes:apps/v1:StatefulSet", {
    metadata: { name: "db", namespace: "shop", annotations: own },
    spec: { volumeClaimTemplates: [{ metadata: { name: "data", annotations: ofClaim }, spec: {} }] },
  });
const claim = (annotations: Record<string, string>): Resource =>
  resource("kubernetes:core/v1:PersistentVolumeClaim", { metadata: { name: "data", namespace: "shop", annotations } });
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy storage-backed-up", () => {
  it("passes what says how, on the claim, its template or the set, or why not", async () => {
    const by = { [NAME]: "pgbackrest, daily" };
    assert.deepEqual(await told(set(by), set({}, by), claim({ [NAME]: "none: a cache that fills again" })), []);
  });

  it("reports silence, and a 'none' without a reason", async () => {
    const messages = await told(set({}), claim({}), claim({ [NAME]: "none: " }));
    assert.match(
      messages[0] ?? "",
      /^StatefulSet shop\/db: volume claim 'data': the annotation ballast\.dev\/backup is missing/,
    );
    assert.match(messages[1] ?? "", /^PersistentVolumeClaim shop\/data: the annotation/);
    assert.match(messages[2] ?? "", /without a reason; add one/);
  });
});

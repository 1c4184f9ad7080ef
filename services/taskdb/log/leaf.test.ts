import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Batch, canonicalEvent, leafDigest, type LoggedEvent, origin } from "./leaf";

const event: LoggedEvent = {
  seq: 7,
  at: "2026-01-15T09:30:00.000001Z",
  kind: "task.created",
  entity_id: "a1b2c3d4-0000-4000-8000-000000000000",
  task_id: null,
  payload: '{"title": "a\\"b", "n": 1.0}',
  request_id: "r-1",
};

describe("leaf of an event", () => {
  it("stands for the event by one text, which no release may change", () => {
    assert.equal(
      canonicalEvent(event),
      '[7,"2026-01-15T09:30:00.000001Z","task.created","a1b2c3d4-0000-4000-8000-000000000000",null,' +
        '"{\\"title\\": \\"a\\\\\\"b\\", \\"n\\": 1.0}","r-1"]',
    );
    assert.equal(leafDigest(event).toString("hex"), createHash("sha256").update(canonicalEvent(event)).digest("hex"));
  });

  it("differs when any column differs, a space in the payload or a border between two columns included", () => {
    const texts = [
      event,
      { ...event, seq: 8 },
      { ...event, at: "2026-01-15T09:30:00.000002Z" },
      { ...event, kind: "task.updated" },
      { ...event, entity_id: "b1b2c3d4-0000-4000-8000-000000000000" },
      { ...event, task_id: event.entity_id },
      { ...event, payload: event.payload.replace(": ", ":") },
      { ...event, request_id: null },
      { ...event, request_id: "null" },
    ].map(canonicalEvent);
    assert.equal(new Set(texts).size, texts.length);
    const any = fc.record({ payload: fc.string(), request_id: fc.option(fc.string()) });
    fc.assert(
      fc.property(any, any, (one, other) => {
        const same = one.payload === other.payload && one.request_id === other.request_id;
        assert.equal(canonicalEvent({ ...event, ...one }) === canonicalEvent({ ...event, ...other }), same);
      }),
    );
  });
});

describe("batch of events", () => {
  const sealOf = (before: string, events: readonly LoggedEvent[]) => {
    const batch = new Batch(before);
    for (const each of events) batch.add(each);
    return batch.seal();
  };
  const second = { ...event, seq: 9 };

  it("seals the seal before and the leaves in their order", () => {
    const seal = sealOf(origin, [event, second]);
    const leaves = Buffer.concat([leafDigest(event), leafDigest(second)]);
    const expected = createHash("sha256").update(Buffer.from(origin, "hex")).update(leaves).digest("hex");
    const hints = [event, second].map((each) => leafDigest(each).toString("hex").slice(0, 8)).join("");
    assert.deepEqual(seal, { first_seq: 7, last_seq: 9, events: 2, digest: expected, leaves: hints });
  });

  it("depends on the seal before and on the order", () => {
    const digests = [
      sealOf(origin, [event, second]),
      sealOf(origin, [second, event]),
      sealOf("f".repeat(64), [event, second]),
    ].map(({ digest }) => digest);
    assert.equal(new Set(digests).size, 3);
  });

  it("cannot be sealed empty", () => {
    assert.throws(() => new Batch(origin).seal(), /without events/);
  });
});

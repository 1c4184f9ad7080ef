import assert from "node:assert/strict";
import fc from "fast-check";
import { Secret, revealSecrets } from "../values";
import { FileBackend } from "./backend";
import { checkpointText, decodeDeployment, hashOf, parseCheckpoint } from "./checkpoint";
import { JournalWriter, recover } from "./journal";
import { shownSecrets } from "./keeper";
import { Model } from "./model";
import type { Mutation, Operation, ResourceState, Snapshot, StackSession } from "./store";
import { CrashDisk } from "./testing/crash-disk";
import { PASSPHRASE, rootStack, testSalt, thing } from "./testing/fixtures";

/** One thing that a run does, `pick` choosing among what there is at that time. */
interface Move {
  readonly kind: "create" | "update" | "same" | "delete" | "amend" | "begin" | "fail";
  readonly pick: number;
  /** Whether the run waits for the state to be durable before it goes on. */
  readonly awaited: boolean;
}

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom("create", "create", "create", "update", "same", "delete", "amend", "begin", "fail"),
  pick: fc.nat(1000),
  awaited: fc.boolean(),
});
/** From 0 to 1, evenly: `fc.double` prefers numbers that are all but 0. */
const share = fc.integer({ min: 0, max: 10_000 }).map((part) => part / 10_000);

describe("a run that is killed at any moment", () => {
  before(async function () {
    this.timeout(60_000);
    await testSalt();
  });

  it("has lost nothing that was acknowledged, even if the next one is killed while it recovers", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(move, { maxLength: 40 }), { minLength: 1, maxLength: 3 }),
        share,
        share,
        share,
        async (runs, when, torn, whenAgain) => {
          const whole = new CrashDisk();
          await perform(whole, runs);
          const disk = new CrashDisk(1 + Math.floor(whole.used * when));
          const { acknowledged, states } = await perform(disk, runs);

          const recovering = disk.afterCrash(torn, 1 + Math.floor(60 * whenAgain));
          forgetLocks(recovering);
          await openIn(recovering).catch(() => undefined);
          const next = recovering.afterCrash(1);
          forgetLocks(next);
          const found = view(await backend(next).read("dev"));
          const at = states.findIndex((state, index) => index >= acknowledged && state === found);
          assert.ok(
            at >= 0,
            `${acknowledged} of ${states.length - 1} acknowledged, then found\n${found}\nlast\n${states.at(-1)}`,
          );

          const session = await openIn(next);
          assert.equal(view(session.base), found);
          await session.apply({
            kind: "put",
            resource: { ...thing("afterwards"), parent: undefined },
          });
          await session.close("failed", { create: 1 });
          assert.equal((await backend(next).read("dev")).resources.length, session.base.resources.length + 1);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a journal", () => {
  it("tells the same from whichever of its checkpoints it is read", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(move, fc.nat(4)), { maxLength: 60 }), async (moves) => {
        const disk = new CrashDisk();
        const model = new Model({ resources: [rootStack()], pendingOperations: [] }, false);
        const text = (): string[] =>
          checkpointText(
            "organization/shop/dev",
            model.arrange().resources,
            model.operations,
            "",
            shownSecrets,
            new Date(0),
          );
        const checkpoints = [text()];
        const header = { stack: "organization/shop/dev", extends: hashOf(text()), salt: "", prunes: false };
        const journal = JournalWriter.create(disk, "journal", shownSecrets, header);
        let kept: number[] = [];
        const lines: Promise<void>[] = [];
        for (const [{ kind, pick }, mark] of moves) {
          const live = new Set(model.arrange().originals);
          for (const mutation of mutationsOf(kind, pick, live, `r${lines.length}-${kept.length}`)) {
            const step = model.apply(mutation);
            if (step.do === "keep") kept.push(step.old);
            else lines.push(journal.add({ kept: kept.splice(0), step }));
          }
          if (mark > 0) continue;
          const arrangement = model.arrange();
          checkpoints.push(text());
          lines.push(journal.mark(hashOf(text()), kept, model.renumber(arrangement)));
          kept = [];
        }
        await Promise.all(lines);
        const content = disk.files.get("journal");
        assert.ok(content);
        const files = { journal: "journal", checkpoint: "checkpoint" };
        for (const checkpoint of checkpoints) {
          const raw = parseCheckpoint(Buffer.from(checkpoint.join("")), "checkpoint", "backup");
          const snapshot = decodeDeployment(raw, shownSecrets, "checkpoint");
          const found: Model = recover(content, snapshot, hashOf(checkpoint), shownSecrets, files).model;
          const state: Snapshot = { resources: [...found.arrange().resources], pendingOperations: found.operations };
          assert.equal(
            view(state),
            view({ resources: [...model.arrange().resources], pendingOperations: model.operations }),
          );
        }
      }),
      { numRuns: 80 },
    );
  });
});

/** Milliseconds as the sessions see them. */
class Time {
  passed = 0;
  readonly now = (): number => this.passed;
}

const backend = (disk: CrashDisk, clock = new Time()): FileBackend =>
  new FileBackend({ root: "/root", project: "shop", passphrase: async () => PASSPHRASE, disk, clock });

const openIn = async (disk: CrashDisk, clock = new Time()): Promise<StackSession> =>
  backend(disk, clock).open("dev", { kind: "update", configSalt: await testSalt() });

function forgetLocks(disk: CrashDisk): void {
  for (const file of disk.files.keys()) if (file.includes("/locks/")) disk.files.delete(file);
}

/** What a state means, apart from its order. */
function view(snapshot: Snapshot): string {
  const text = (resource: ResourceState): string =>
    [
      resource.urn,
      resource.id,
      resource.protect ?? false,
      JSON.stringify(revealSecrets(resource.inputs)),
      resource.dependencies ?? [],
    ].join(" ");
  const operations = snapshot.pendingOperations.map(({ type, resource }) => `${type} ${text(resource)}`);
  return [...snapshot.resources.map(text).sort(), ...operations.sort()].join("\n");
}

/**
 * Carries the runs out until the disk dies. `states[n]` is the state after n mutations, by the simplest of means; the first
 * `acknowledged` mutations are known to be durable.
 */
async function perform(
  disk: CrashDisk,
  runs: readonly (readonly Move[])[],
): Promise<{ acknowledged: number; states: string[] }> {
  const states = [""];
  const durable = new Set<number>();
  let acknowledged = 0;
  try {
    for (const moves of runs) {
      const time = new Time();
      const session = await openIn(disk, time);
      const live = new Set(session.base.resources);
      const pending = new Set(session.base.pendingOperations);
      const told: Promise<void>[] = [];
      const apply = async (mutation: Mutation, awaited: boolean): Promise<void> => {
        // Checkpoints are due every few mutations, so that many are written while runs last.
        time.passed += 200;
        const done = session.apply(mutation);
        follow(mutation, live, pending);
        const index = states.push(view({ resources: [...live], pendingOperations: [...pending] })) - 1;
        const acknowledge = done.then(() => {
          durable.add(index);
          while (durable.has(acknowledged + 1)) acknowledged++;
        });
        told.push(acknowledge);
        if (awaited) await acknowledge;
        // Awaited in the end; in between it must not count as a rejection that nobody sees.
        else acknowledge.catch(() => undefined);
      };
      if (live.size === 0) await apply({ kind: "put", resource: rootStack() }, true);
      for (const { kind, pick, awaited } of moves) {
        for (const mutation of mutationsOf(kind, pick, live, `r${states.length}`)) await apply(mutation, awaited);
      }
      await Promise.all(told);
      await session.close("failed", { create: 1 });
      acknowledged = states.length - 1;
    }
  } catch (error) {
    const { message, cause } = error as Error;
    if (![message, String(cause)].some((text) => text.includes("the process is dead"))) throw error;
  }
  return { acknowledged, states };
}

function follow(mutation: Mutation, live: Set<ResourceState>, pending: Set<Operation>): void {
  if (mutation.kind === "begin") pending.add(mutation.operation);
  else if ("operation" in mutation && mutation.operation) pending.delete(mutation.operation);
  if ("old" in mutation && mutation.old) live.delete(mutation.old);
  if (mutation.kind === "put" || mutation.kind === "amend") live.add(mutation.resource);
  if (mutation.kind === "remove") live.delete(mutation.resource);
}

function mutationsOf(kind: Move["kind"], pick: number, live: ReadonlySet<ResourceState>, name: string): Mutation[] {
  const things = [...live].filter(({ custom }) => custom);
  const chosen = things[pick % Math.max(1, things.length)];
  const dependencies = chosen && pick % 3 === 0 ? [chosen.urn] : [];
  const fresh = thing(name, { inputs: { password: new Secret(`${name} ${pick}`) }, dependencies });
  const creating: Operation = { type: "creating", resource: fresh };
  if (kind === "begin") return [{ kind: "begin", operation: creating }];
  if (kind === "fail")
    return [
      { kind: "begin", operation: creating },
      { kind: "abandon", operation: creating },
    ];
  if (kind === "create" || !chosen) {
    return [
      { kind: "begin", operation: creating },
      { kind: "put", resource: fresh, operation: creating },
    ];
  }
  switch (kind) {
    case "same":
      return [{ kind: "put", resource: pick % 2 === 0 ? chosen : { ...chosen, modified: name }, old: chosen }];
    case "amend":
      return [{ kind: "amend", old: chosen, resource: { ...chosen, protect: !chosen.protect } }];
    case "update": {
      const resource = { ...chosen, inputs: { list: [pick, null], password: new Secret(name) } };
      const operation: Operation = { type: "updating", resource };
      return [
        { kind: "begin", operation },
        { kind: "put", resource, old: chosen, operation },
      ];
    }
    case "delete": {
      const leaf = things.find((one) => !things.some((other) => other.dependencies?.includes(one.urn)));
      if (!leaf) return [];
      const operation: Operation = { type: "deleting", resource: leaf };
      return [
        { kind: "begin", operation },
        { kind: "remove", resource: leaf, operation },
      ];
    }
  }
}

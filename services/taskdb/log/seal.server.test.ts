import assert from "node:assert/strict";
import { sql } from "kysely";
import type { Database } from "../store/database";
import { sealEvents } from "./seal";
import { backends, Ground, populate } from "./testing";
import { verifySeals } from "./verify";

describe("seals of the event log", function () {
  let ground: Ground;
  before(async function () {
    ground = await Ground.start(this);
  });
  after(() => ground?.remove());

  const count = async ({ db }: Database): Promise<number> =>
    (await sql<{ n: number }>`SELECT count(*) AS n FROM events_all`.execute(db)).rows[0]?.n ?? 0;

  for (const backend of backends) {
    it(`cover the log, and a later one goes on where the one before ended (${backend})`, async () => {
      const { database, store } = await ground.fresh(backend);
      await populate(store);
      const events = await count(database);
      const fresh = await verifySeals(database.db);
      assert.deepEqual({ batches: fresh.batches, unsealed: fresh.unsealed.events }, { batches: 0, unsealed: events });
      assert.match(fresh.unsealed.oldest ?? "", /^\d{4}-.*\.\d{6}Z$/);

      assert.equal(await sealEvents(database, { batchEvents: 7 }), events);
      const first = await verifySeals(database.db);
      assert.deepEqual(
        { breach: first.breach, batches: first.batches, events: first.events, unsealed: first.unsealed },
        { breach: null, batches: Math.ceil(events / 7), events, unsealed: { events: 0, oldest: null } },
      );

      await populate(store, 1);
      const { eventsSealed } = await store.maintain();
      const second = await verifySeals(database.db);
      assert.equal(second.breach, null);
      assert.equal(second.events, await count(database));
      assert.equal(eventsSealed, second.events - first.events);
      assert.notEqual(second.head?.digest, first.head?.digest);
      assert.equal(await sealEvents(database), 0);
    });

    it(`stop after as many batches as a round may make, and the next round goes on (${backend})`, async () => {
      const { database, store } = await ground.fresh(backend);
      await populate(store);
      assert.equal(await sealEvents(database, { batchEvents: 5, batches: 2 }), 10);
      assert.equal(await sealEvents(database, { batchEvents: 5, batches: 2 }), 10);
      assert.equal((await verifySeals(database.db)).breach, null);
    });
  }

  it("are each made once by several replicas at the same time", async () => {
    const { address, database, store } = await ground.fresh("postgres");
    await populate(store, 5);
    const replicas = [database, await ground.open(address), await ground.open(address)];
    for (;;) {
      const sealed = await Promise.all(replicas.map((each) => sealEvents(each, { batchEvents: 3, batches: 2 })));
      if (sealed.every((each) => each === 0)) break;
    }
    const { breach, events, unsealed } = await verifySeals(database.db);
    assert.deepEqual(
      { breach, events, unsealed: unsealed.events },
      { breach: null, events: await count(database), unsealed: 0 },
    );
  });

  it("leave out what is not final: a transaction under way may still commit an earlier position", async () => {
    const { database, store } = await ground.fresh("postgres");
    await populate(store, 1);
    const events = await count(database);
    const insert = `INSERT INTO events (kind, entity_id, payload) VALUES ('note.added', gen_random_uuid(), '{}')`;
    const [slow, quick] = [await connect(database), await connect(database)];
    await slow.query("BEGIN");
    await slow.query(insert);
    await quick.query(insert);
    assert.equal(await sealEvents(database, { patienceMs: 50 }), 0);
    await slow.query("COMMIT");
    assert.equal(await sealEvents(database), events + 2);
    assert.equal((await verifySeals(database.db)).breach, null);
    for (const client of [slow, quick]) client.release();
  });

  const connect = async (database: Database) => {
    assert(database.backend === "postgres");
    return database.pool.connect();
  };

  describe("find what was done behind the service's back", () => {
    const tampered = async (change: (seqs: number[], run: (text: string) => Promise<void>) => Promise<void>) => {
      const { database, store } = await ground.fresh("postgres");
      await populate(store, 2);
      await sealEvents(database, { batchEvents: 5 });
      const { rows } = await sql<{ seq: number }>`SELECT seq FROM events_all ORDER BY seq`.execute(database.db);
      // As a superuser can, and the service's role cannot: without the triggers.
      const run = async (text: string) => {
        await sql.raw(`BEGIN; SET LOCAL session_replication_role = replica; ${text}; COMMIT`).execute(database.db);
      };
      const seqs = rows.map(({ seq }) => seq);
      await change(seqs, run);
      return { breach: (await verifySeals(database.db)).breach, at: (index: number) => seqs[index] ?? 0, database };
    };

    it("is refused to everybody while the triggers stand", async () => {
      const { database, store } = await ground.fresh("postgres");
      await populate(store, 1);
      await sealEvents(database);
      for (const text of ["UPDATE events SET kind = 'x'", "DELETE FROM events", "UPDATE event_seals SET events = 1"]) {
        await assert.rejects(sql.raw(text).execute(database.db), /append-only/);
      }
    });

    it("a changed payload, by its position", async () => {
      const { breach, at } = await tampered((seqs, run) =>
        run(`UPDATE events SET payload = replace(payload::text, 'running', 'failed')::json WHERE seq = ${seqs[7]};
          UPDATE events SET payload = '{"a": 1}' WHERE seq = ${seqs[8]}`),
      );
      assert.deepEqual(breach, { batch: 2, seq: at(8), problem: `event ${at(8)} was changed` });
    });

    it("any changed column", async () => {
      for (const change of ["at = at + interval '1 microsecond'", "kind = 'x'", "task_id = NULL", "request_id = 'y'"]) {
        const { breach, at } = await tampered((seqs, run) => run(`UPDATE events SET ${change} WHERE seq = ${seqs[6]}`));
        assert.deepEqual(breach, { batch: 2, seq: at(6), problem: `event ${at(6)} was changed` }, change);
      }
    });

    it("deleted events", async () => {
      const one = await tampered((seqs, run) => run(`DELETE FROM events WHERE seq = ${seqs[6]}`));
      assert.deepEqual(one.breach, {
        batch: 2,
        seq: one.at(6),
        problem: `an event is missing between ${one.at(5)} and ${one.at(7)}`,
      });
      const two = await tampered((seqs, run) => run(`DELETE FROM events WHERE seq IN (${seqs[6]}, ${seqs[7]})`));
      assert.match(
        two.breach?.problem ?? "",
        new RegExp(`^2 events are missing between ${two.at(5)} and ${two.at(8)}$`),
      );
      const last = await tampered((seqs, run) => run(`DELETE FROM events WHERE seq = ${seqs[9]}`));
      assert.match(last.breach?.problem ?? "", /^an event is missing between \d+ and the end of the batch/);
    });

    it("an event that was put in between, and one in a gap between two batches", async () => {
      for (const [gap, batch] of [
        [7, 2],
        [10, 3],
      ] as const) {
        const { breach, at } = await tampered(async (seqs, run) => {
          // Made room by moving all later ones, seals and all: then nothing but the new event differs.
          await run(`DELETE FROM event_seals; UPDATE events SET seq = seq + 1000 WHERE seq >= ${seqs[gap]};
            SELECT setval('events_seq', 2000)`);
        }).then(async ({ database, at }) => {
          await sealEvents(database, { batchEvents: 5 });
          assert.equal((await verifySeals(database.db)).breach, null);
          await sql
            .raw(
              `INSERT INTO events (seq, kind, entity_id, payload) VALUES (${at(gap) + 500}, 'note.added', gen_random_uuid(), '{}')`,
            )
            .execute(database.db);
          return { breach: (await verifySeals(database.db)).breach, at };
        });
        const seq = at(gap) + 500;
        assert.deepEqual(breach, { batch, seq, problem: `event ${seq} was put in: the seal has none here` });
      }
    });

    it("two events whose order was changed", async () => {
      const { breach, at } = await tampered((seqs, run) =>
        run(`UPDATE events SET seq = -1 WHERE seq = ${seqs[6]}; UPDATE events SET seq = ${seqs[6]} WHERE seq = ${seqs[7]};
          UPDATE events SET seq = ${seqs[7]} WHERE seq = -1`),
      );
      assert.deepEqual(breach, { batch: 2, seq: at(6), problem: `event ${at(6)} was changed` });
    });

    it("a changed or missing seal", async () => {
      const digest = await tampered((_, run) => run(`UPDATE event_seals SET digest = repeat('0', 64) WHERE batch = 2`));
      assert.deepEqual(digest.breach, {
        batch: 2,
        seq: null,
        problem: "seal 2 was changed: its digest does not fit its events",
      });
      const leaves = await tampered((_, run) =>
        run(`UPDATE events SET payload = '{}' WHERE seq = (SELECT first_seq FROM event_seals WHERE batch = 2);
          UPDATE event_seals SET leaves = leaves || '' WHERE batch = 2`),
      );
      assert.equal(leaves.breach?.seq, leaves.at(5));
      const gone = await tampered((_, run) => run(`DELETE FROM event_seals WHERE batch = 2`));
      assert.deepEqual(gone.breach, { batch: 2, seq: null, problem: "seal 2 is missing" });
    });

    it("a chain that was made anew whole, by a digest that was noted before", async () => {
      const { database, store } = await ground.fresh("postgres");
      await populate(store, 2);
      await sealEvents(database, { batchEvents: 5 });
      const { head } = await verifySeals(database.db);
      assert(head);
      await sql
        .raw(
          `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM event_seals;
           UPDATE events SET payload = '{}' WHERE seq = (SELECT max(seq) FROM events); COMMIT`,
        )
        .execute(database.db);
      await sealEvents(database, { batchEvents: 5 });
      assert.equal((await verifySeals(database.db)).breach, null);
      const anchors = new Map([[head.batch, head.digest]]);
      const { breach } = await verifySeals(database.db, { anchors });
      assert.match(breach?.problem ?? "", /^seal \d+ is [0-9a-f]{64}, but [0-9a-f]{64} was noted elsewhere$/);
      const cut = await verifySeals(database.db, { anchors: new Map([[head.batch + 5, head.digest]]) });
      assert.match(cut.breach?.problem ?? "", /cut off/);
    });
  });
});

import assert from "node:assert/strict";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import fc from "fast-check";
import { DatabaseError, type PoolClient } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { skip } from "../../../../cli/testing/skip";
import type { PostgresDatabase } from "../database";
import { differences, postgres, type Step, steps } from "../testing/history";
import { missing, Server } from "../testing/server";

describe("derived status on PostgreSQL", function () {
  this.timeout(240_000);
  let server: Server;
  let database: PostgresDatabase & { readonly name: string };
  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Server.start();
    await server.instance.query("ALTER SYSTEM SET deadlock_timeout = '20ms'");
    await server.instance.query("SELECT pg_reload_conf()");
    database = await server.migrated({ statementTimeoutMs: 30_000, lockTimeoutMs: 20_000 });
  });
  after(() => server?.remove());

  const empty = async () => {
    for (const table of ["gates", "runs", "tasks"]) await database.pool.query(`DELETE FROM ${table}`);
  };
  const agrees = async (where: string, client: PoolClient | PostgresDatabase["pool"] = database.pool) =>
    assert.deepEqual((await client.query(differences)).rows, [], where);
  const using = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await database.pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };

  it("is that of the full query after every step of any history, also in one transaction", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 20 }), fc.boolean(), async (history, whole) => {
        await empty();
        await using(async (client) => {
          if (whole) await client.query("BEGIN");
          for (const { name, sql } of history) {
            await client.query(sql(postgres));
            await agrees(name, client);
          }
          if (whole) await client.query("COMMIT");
        });
      }),
      { numRuns: 60 },
    );
  });

  it("is that of the full query after transactions at the same time, some of them taken back", async () => {
    const transaction = fc.record({ history: fc.array(steps, { minLength: 1, maxLength: 4 }), commit: fc.boolean() });
    const writer = fc.array(transaction, { minLength: 1, maxLength: 4 });
    const carryOut = (client: PoolClient, { history, commit }: { history: Step[]; commit: boolean }) =>
      (async () => {
        await client.query("BEGIN");
        for (const { sql } of history) await client.query(sql(postgres));
        await client.query(commit ? "COMMIT" : "ROLLBACK");
      })().catch(async (error: unknown) => {
        await client.query("ROLLBACK");
        // A deadlock, and a row whose parent has gone meanwhile: neither leaves anything.
        if (!(error instanceof DatabaseError && ["40P01", "23503"].includes(error.code ?? ""))) throw error;
      });
    const seed = fc.array(steps, { minLength: 10, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(seed, fc.array(writer, { minLength: 3, maxLength: 4 }), async (before, writers) => {
        await empty();
        for (const { sql } of before) await database.pool.query(sql(postgres));
        const working = writers.map((transactions) =>
          using(async (client) => {
            for (const each of transactions) await carryOut(client, each);
          }),
        );
        await Promise.all(working);
        await agrees("in the end");
      }),
      { numRuns: 40 },
    );
  });

  it("is kept by COPY, by a task's new id and by TRUNCATE", async () => {
    await empty();
    const ids = Array.from({ length: 50 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
    const copy = (table: string, columns: string, rows: string[]) =>
      using((client) =>
        pipeline(
          Readable.from(rows.map((row) => `${row}\n`)),
          client.query(copyFrom(`COPY ${table} (${columns}) FROM STDIN`)),
        ),
      );
    await copy(
      "tasks",
      "id, title, policy_version",
      ids.map((id) => `${id}\tt\t1`),
    );
    await agrees("tasks");
    await copy(
      "runs",
      "id, task_id, status",
      ids.flatMap((task, n) => [`${task}\t${ids[n % 7]}\tcompleted`]),
    );
    await agrees("runs");
    await copy(
      "gates",
      "run_id, name, type, status",
      ids.map((id, n) => `${id}\tg\tlint\t${n % 5 ? "pass" : "fail"}`),
    );
    await agrees("gates");
    await database.pool.query(`UPDATE tasks SET id = gen_random_uuid() WHERE id = '${ids[20]}'`);
    await agrees("a new id");
    const owner = await server.open(database.name, "migrator");
    await owner.pool.query("TRUNCATE gates");
    await agrees("gates are gone");
    await owner.pool.query("TRUNCATE runs, gates, artifacts");
    await agrees("runs are gone");
    await owner.pool.query("TRUNCATE tasks CASCADE");
    await agrees("tasks are gone");
  });

  it("is right when one statement deletes or moves a run and changes gates of another, in either order", async () => {
    await empty();
    const [one, other, going, staying] = ["1", "2", "3", "4"].map((n) => n.repeat(8) + "-0000-4000-8000-000000000000");
    const gate = `INSERT INTO gates (run_id, name, type, status) VALUES ('${staying}', 'g', 'lint', 'fail')`;
    const goes = `DELETE FROM runs WHERE id = '${going}'`;
    const moves = `UPDATE runs SET task_id = '${other}' WHERE id = '${going}'`;
    for (const change of [goes, moves]) {
      for (const statement of [
        `WITH a AS (${gate}) ${change}`,
        `WITH a AS (${change}) ${gate}`,
        `WITH a AS (${gate} RETURNING id), b AS (${change} RETURNING id) SELECT FROM a, b`,
        `WITH a AS (${change} RETURNING id), b AS (${gate} RETURNING id) SELECT FROM a, b`,
      ]) {
        await empty();
        await database.pool.query(`
          INSERT INTO tasks (id, title, policy_version) VALUES ('${one}', 't', '1'), ('${other}', 't', '1');
          INSERT INTO runs (id, task_id, status) VALUES ('${going}', '${one}', 'completed'), ('${staying}', '${one}', 'completed')`);
        await database.pool.query(statement);
        await agrees(statement);
      }
    }
  });

  describe("with a writer that has not ended", () => {
    const task = async (): Promise<string> => {
      const made = await database.pool.query<{ id: string }>(
        "INSERT INTO tasks (title, policy_version) VALUES ('t', '1') RETURNING id",
      );
      return made.rows[0]?.id ?? "";
    };
    const run = async (of: string): Promise<string> => {
      const made = await database.pool.query<{ id: string }>("INSERT INTO runs (task_id) VALUES ($1) RETURNING id", [
        of,
      ]);
      return made.rows[0]?.id ?? "";
    };

    it("lets the writers of other tasks go on", async () => {
      const [one, other] = [await task(), await task()];
      const [oneRun, otherRun] = [await run(one), await run(other)];
      await using(async (open) => {
        await open.query("BEGIN");
        await open.query("INSERT INTO runs (task_id, status) VALUES ($1, 'failed')", [one]);
        await open.query("INSERT INTO gates (run_id, name, type, status) VALUES ($1, 'g', 'lint', 'fail')", [oneRun]);
        await open.query("UPDATE tasks SET status = 'failed' WHERE id = $1", [one]);
        await using(async (client) => {
          await client.query("SET lock_timeout = '50ms'");
          await client.query("INSERT INTO runs (task_id, status) VALUES ($1, 'completed')", [other]);
          await client.query("UPDATE runs SET status = 'completed' WHERE id = $1", [otherRun]);
          await client.query("INSERT INTO gates (run_id, name, type, status) VALUES ($1, 'g', 'lint', 'fail')", [
            otherRun,
          ]);
          await client.query("DELETE FROM gates WHERE run_id = $1", [otherRun]);
          await client.query("DELETE FROM runs WHERE id = $1", [otherRun]);
          await client.query("INSERT INTO tasks (title, policy_version) VALUES ('t', '1')");
          // The other way round, or the test would hold for a lock that is taken by nobody.
          await assert.rejects(client.query("INSERT INTO runs (task_id) VALUES ($1)", [one]), { code: "55P03" });
          await client.query("RESET lock_timeout");
        });
        await open.query("COMMIT");
      });
      await agrees("in the end");
    });

    it("counts its gate when a run of the same task is deleted meanwhile", async () => {
      const one = await task();
      const [kept, doomed] = [await run(one), await run(one)];
      await using(async (open) => {
        await open.query("BEGIN");
        await open.query("INSERT INTO gates (run_id, name, type, status) VALUES ($1, 'g', 'lint', 'fail')", [kept]);
        const deleted = database.pool.query("DELETE FROM runs WHERE id = $1", [doomed]);
        await Promise.race([deleted, waiting(database)]);
        await open.query("COMMIT");
        await deleted;
      });
      await agrees("in the end");
    });

    it("counts a gate for the task that its run has moved to meanwhile", async () => {
      const [one, other] = [await task(), await task()];
      const moving = await run(one);
      await using(async (mover) => {
        await mover.query("BEGIN");
        await mover.query("UPDATE runs SET task_id = $1 WHERE id = $2", [other, moving]);
        const inserted = database.pool.query(
          "INSERT INTO gates (run_id, name, type, status) VALUES ($1, 'g', 'lint', 'fail')",
          [moving],
        );
        await Promise.race([inserted, waiting(database)]);
        await mover.query("COMMIT");
        await inserted;
      });
      await agrees("in the end");
    });
  });
});

/** Until some session waits for a lock; or half a minute, when none ever does. */
async function waiting({ pool }: PostgresDatabase): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const { rows } = await pool.query("SELECT FROM pg_locks WHERE NOT granted LIMIT 1");
    if (rows.length > 0) return;
  }
}

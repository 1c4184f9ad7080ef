import assert from "node:assert/strict";
import fc from "fast-check";
import { openDatabase } from "../database";
import { migrate } from "../migrate";
import { differences, sqlite, steps } from "../testing/history";

describe("derived status on SQLite", () => {
  it("is that of the full query after every step of any history", async () => {
    const database = await openDatabase({ backend: "sqlite", path: ":memory:" });
    await migrate(database, "up");
    if (database.backend !== "sqlite") throw new Error("it is SQLite that was asked for");
    const { file } = database;
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 25 }), async (history) => {
        for (const table of ["gates", "runs", "tasks"]) file.exec(`DELETE FROM ${table}`);
        for (const { name, only, sql } of history) {
          if (only === "postgres") continue;
          file.exec(sql(sqlite));
          assert.deepEqual(file.prepare(differences).all([]), [], name);
        }
      }),
      { numRuns: 200 },
    );
    await database.close();
  }).timeout(60_000);
});

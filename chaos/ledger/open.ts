import { randomBytes } from "node:crypto";
import type { Experiment } from "../experiment/schema";
import type { Ground } from "../ground";
import { members as membersOf } from "../probes/probes";
import { PrimaryWatch, probeTable } from "../postgres/primaries";
import { onPrimary } from "../postgres/verdict";
import { SteadyWriter, writesTable } from "../postgres/writer";
import { Ledger } from "./ledger";
import { TaskWriter } from "./taskWriter";

const firstWriteWithin = 30;

/** Begins to write; returns once a first write has been acknowledged. */
export async function openLedger(kind: NonNullable<Experiment["ledger"]>, ground: Ground): Promise<Ledger> {
  const ledger = await (kind === "postgres" ? openPostgres(ground) : openTaskDb(ground));
  await ledger.writing(firstWriteWithin);
  return ledger;
}

async function openPostgres(ground: Ground): Promise<Ledger> {
  const members = membersOf(ground);
  const target = await members.target();
  await onPrimary(target, async (client) => {
    for (const table of [writesTable, probeTable]) await client.query(`DROP TABLE IF EXISTS ${table}`);
    // No key and no index: a row that was stored twice must be seen.
    await client.query(`CREATE TABLE ${writesTable} (id bigint NOT NULL)`);
    await client.query(`CREATE TABLE ${probeTable} (at timestamptz NOT NULL)`);
  });
  const primaries = ground.nodes && (await PrimaryWatch.start(await members.all(), target));
  const rows = {
    database: target.database,
    select: `SELECT id FROM ${writesTable}`,
    remove: `DELETE FROM ${writesTable} WHERE id = $1`,
    double: `INSERT INTO ${writesTable} (id) VALUES ($1)`,
  };
  return new Ledger(ground, new SteadyWriter(target, 1), rows, primaries);
}

async function openTaskDb(ground: Ground): Promise<Ledger> {
  const url = ground.targets["taskdb"]?.url;
  if (url === undefined) throw new Error(`no address of taskdb in the stack ${ground.stack} is known`);
  // Of letters and digits: it stands in statements as it is.
  const run = randomBytes(6).toString("hex");
  const title = `'Ledger ${run} ' || $1::bigint`;
  const rows = {
    database: "taskdb",
    select: `SELECT split_part(title, ' ', 3)::bigint AS id FROM tasks WHERE title LIKE 'Ledger ${run} %'`,
    remove: `DELETE FROM tasks WHERE title = ${title}`,
    double: `INSERT INTO tasks (title, description, policy_version)
      SELECT title, description, policy_version FROM tasks WHERE title = ${title}`,
  };
  return new Ledger(ground, new TaskWriter(url, (id) => `Ledger ${run} ${id}`), rows);
}

import type { Audit, WriteLedger } from "./audit";
import { audit } from "./audit";
import type { Target } from "./writer";
import { connect, patient, writesTable } from "./writer";

type Client = Awaited<ReturnType<typeof connect>>;

/** Runs `work` on the primary, in no hurry. */
export async function onPrimary<T>(target: Target, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(target, patient);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Compares what a run's writer was told with what the database holds, then takes one acknowledged row away, sees that the comparison finds
 * just that loss, and puts the row back.
 *
 * @throws when the seeded loss is not found: then nothing that the comparison says is worth anything
 */
export function verdict(target: Target, ledger: WriteLedger, firstId: number): Promise<Audit> {
  return onPrimary(target, async (client) => {
    const found = audit(ledger, await stored(client, firstId));
    const lost = new Set(found.lost);
    const victim = ledger.acknowledged.findLast((id) => !lost.has(id));
    if (victim === undefined) throw new Error("no acknowledged write is there: nothing can be audited");
    await client.query("BEGIN");
    await client.query(`DELETE FROM ${writesTable} WHERE id = $1`, [victim]);
    const seeded = audit(ledger, await stored(client, firstId)).lost.filter((id) => !lost.has(id));
    await client.query("ROLLBACK");
    if (seeded.length !== 1 || seeded[0] !== victim)
      throw new Error(
        `the audit does not find a seeded loss: row ${victim} was deleted, missed are ${seeded.join(", ") || "none"}`,
      );
    return found;
  });
}

async function stored(client: Client, firstId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${writesTable} WHERE id >= $1`, [firstId]);
  return rows.map(({ id }) => Number(id));
}

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { exec } from "../exec";
import type { Ground } from "../ground";
import { audit, type Audit, type WriteLedger } from "../postgres/audit";
import type { Members } from "../postgres/members";
import { overlapSeconds, type PrimaryWatch } from "../postgres/primaries";
import { onPrimary } from "../postgres/verdict";
import type { Target } from "../postgres/writer";
import type { LedgerVerdict } from "../run/journal";
import { members as membersOf } from "../probes/probes";
import type { Recording } from "./recording";

/** Where the writes of a ledger end up in Postgres, each with its number. */
export interface Rows {
  readonly database: string;
  /** Gives the numbers of all that is there, in a column `id`; a number that is there twice comes twice. */
  readonly select: string;
  /** Statements that take a row away, and that write it a second time; `$1` is its number. */
  readonly remove: string;
  readonly double: string;
}

export interface Writer {
  readonly record: Recording;
  /** Ends it; what was sent and not answered is indeterminate. */
  stop(): Promise<WriteLedger>;
  /** Rows that were acknowledged and then not found by a reader. */
  readonly stale?: number;
}

/** A standby has this long to have what the primary has, s. */
const catchUpWithin = 60;
/** Everything may need this long to be whole before it is read from every member, s. */
const wholeWithin = 300;

/** Writes while the faults strike, and says at the end what became of it. */
export class Ledger {
  readonly #began = performance.now();

  constructor(
    private readonly ground: Ground,
    private readonly writer: Writer,
    private readonly rows: Rows,
    private readonly primaries?: PrimaryWatch,
  ) {}

  /** Seconds from a moment (`performance.now()`) to the first and the last write after it that was not acknowledged. */
  errorsSince(moment: number): ReturnType<Recording["errorsSince"]> {
    return this.writer.record.errorsSince(moment);
  }

  gapSince(moment: number): number {
    return this.writer.record.longestGapSince(moment);
  }

  /** Waits for the first write, so that there is one to be lost. */
  async writing(seconds: number): Promise<void> {
    await this.writer.record.acknowledgedAfter(this.#began, seconds);
  }

  /** @throws when what was written cannot be read at the end, or the check does not find a seeded fault: then nothing is known of it */
  async close(): Promise<LedgerVerdict> {
    const sent = await this.writer.stop();
    const samples = await this.primaries?.stop();
    const members = membersOf(this.ground);
    await members.whole(wholeWithin);
    const target = { ...(await members.target()), database: this.rows.database };
    const found = await this.#audited(target, sent);
    const { readFrom, missing } = await this.#standbys(members, target);
    return {
      acknowledged: found.acknowledged,
      failed: found.failed,
      indeterminate: found.indeterminate,
      lost: found.lost.length,
      duplicated: found.duplicated.length,
      resurrected: found.resurrected.length,
      stale: (this.writer.stale ?? 0) + missing,
      longestGap: this.writer.record.longestGapSince(this.#began),
      readFrom,
      ...(samples && { twoPrimaries: overlapSeconds(samples) }),
    };
  }

  /** On the primary; with a loss and a duplicate of our own in a transaction that is taken back, which it must find. */
  #audited(target: Target, sent: WriteLedger): Promise<Audit> {
    return onPrimary(target, async (client) => {
      const stored = async () =>
        (await client.query<{ id: string }>(this.rows.select)).rows.map(({ id }) => Number(id));
      const found = audit(sent, await stored());
      const known = new Set([...found.lost, ...found.duplicated]);
      const [victim, twin] = sent.acknowledged.filter((id) => !known.has(id)).slice(-2);
      if (victim === undefined || twin === undefined)
        throw new Error("fewer than two acknowledged writes are there: nothing can be audited");
      await client.query("BEGIN");
      try {
        await client.query(this.rows.remove, [victim]);
        await client.query(this.rows.double, [twin]);
        const seeded = audit(sent, await stored());
        const lost = seeded.lost.filter((id) => !found.lost.includes(id));
        const twice = seeded.duplicated.filter((id) => !found.duplicated.includes(id));
        if (lost.join() !== String(victim) || twice.join() !== String(twin))
          throw new Error(
            `the ledger does not find what was seeded: ${victim} was deleted, and is lost: ${lost.join(", ") || "none"}; ` +
              `${twin} was doubled, and is twice: ${twice.join(", ") || "none"}`,
          );
      } finally {
        await client.query("ROLLBACK");
      }
      return found;
    });
  }

  /** What every standby still lacks of the primary's rows once it has had the time to catch up. */
  async #standbys(members: Members, target: Target): Promise<{ readFrom: string[]; missing: number }> {
    const { leader } = await members.leadership();
    const all = await members.all();
    const primary = leader === undefined ? [] : await this.#read(leader, target);
    let missing = 0;
    for (const { pod } of all.filter((member) => member.pod !== leader)) {
      const deadline = performance.now() + catchUpWithin * 1000;
      let lacks = lacking(primary, await this.#read(pod, target));
      while (lacks.length > 0 && performance.now() < deadline) {
        await delay(500);
        lacks = lacking(primary, await this.#read(pod, target));
      }
      const [row] = primary;
      if (
        row !== undefined &&
        lacking(
          primary,
          primary.filter((id) => id !== row),
        ).length === 0
      )
        throw new Error(`the ledger does not find a stale read that was seeded: ${row}`);
      missing += lacks.length;
    }
    return { readFrom: all.map(({ pod }) => pod).sort(), missing };
  }

  /** What one member itself has, read inside its own pod. */
  async #read(pod: string, { user, password, database }: Target): Promise<number[]> {
    const { kubeconfig, postgres } = this.ground;
    const at = { namespace: postgres?.namespace ?? "", pod, container: "postgres" };
    // By standard input: a command line can be read by others.
    const script = `read -r PGPASSWORD; export PGPASSWORD; exec psql -h /run/postgresql -U "$0" -d "$1" -XAtc "$2"`;
    const output = await exec(kubeconfig, at, ["sh", "-c", script, user, database, this.rows.select], `${password}\n`);
    return output.split("\n").filter(Boolean).map(Number);
  }
}

/** What a member lacks of the rows of another. */
export function lacking(all: readonly number[], own: readonly number[]): number[] {
  const has = new Set(own);
  return all.filter((id) => !has.has(id));
}

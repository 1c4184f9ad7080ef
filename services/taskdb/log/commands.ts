import { existsSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { progressOn } from "../progress";
import { readSettings } from "../settings";
import { type Database, type DatabaseOptions, openDatabase } from "../store/database";
import { exportDigest, inSnapshot } from "./export";
import { rebuild } from "./rebuild";
import { sealEvents } from "./seal";
import { type Verification, verifySeals } from "./verify";

/** What reads the whole log takes longer than any request may. */
const patient = { statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 };

export function exportHashCommand(): Command {
  return new Command("export-hash")
    .description("the hash of all that was committed: rows and events, at one moment")
    .option("--json", "with the digest of each table")
    .action(async ({ json = false }: { json?: boolean }) => {
      await withDatabase(async (database) => {
        const progress = new Steps();
        const found = await inSnapshot(database, (db) =>
          exportDigest(db, { onProgress: (table, rows) => progress.at(table, rows, rows) }),
        );
        progress.end();
        process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : `${found.hash}\n`);
      });
    });
}

export function sealCommand(): Command {
  return new Command("seal")
    .description("seals the events that are final, as the service does while it runs")
    .action(async () => {
      await withDatabase(async (database) => {
        let sealed = 0;
        for (let events = -1; events !== 0; sealed += events) events = await sealEvents(database);
        process.stdout.write(`${sealed} events sealed\n`);
      });
    });
}

function anchor(text: string, others: [number, string][] = []): [number, string][] {
  const [, batch, digest] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (batch === undefined || digest === undefined) {
    throw new InvalidArgumentError("It must be <batch>:<digest>, as an earlier run printed it.");
  }
  return [...others, [Number(batch), digest]];
}

export function verifyCommand(): Command {
  return new Command("verify")
    .description("holds the event log against its seals, and names the first event that does not fit")
    .option("--anchor <batch:digest>", "a seal that was noted elsewhere; may be given again", anchor)
    .option("--json", "as one JSON document")
    .addHelpText("after", "\nExit codes: 0 all fit, 1 something does not\n")
    .action(async ({ json = false, anchor: anchors }: { json?: boolean; anchor?: [number, string][] }) => {
      await withDatabase(async (database) => {
        const found = await verifySeals(database.db, { anchors: new Map(anchors) });
        process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : format(found));
        if (found.breach) process.exitCode = 1;
      });
    });
}

function format({ batches, events, breach, head, unsealed }: Verification): string {
  const lines = [
    `${batches} seals fit their ${events} events`,
    ...(breach ? [`Batch ${breach.batch} does not fit: ${breach.problem}`] : []),
    ...(head ? [`Newest seal: ${head.batch}:${head.digest}`] : []),
    unsealed.events === 0
      ? "Every event is sealed"
      : `${unsealed.events} events are not sealed yet, the oldest of ${unsealed.oldest}`,
  ];
  return `${lines.join("\n")}\n`;
}

export function rebuildCommand(): Command {
  return new Command("rebuild")
    .description("replays the event log of one database into an empty one, and holds both against each other")
    .requiredOption("--from <database>", "URL of PostgreSQL or path of SQLite's file; it is only read")
    .requiredOption("--to <database>", "URL or path of an empty database, or of one that an interrupted run left")
    .option("--no-verify", "takes the log as it is, whether or not it fits its seals")
    .option("--json", "as one JSON document")
    .addHelpText(
      "after",
      "\nA URL without a password takes PGPASSWORD's.\nExit codes: 0 both have the same export hash, 1 they differ or it could not be done\n",
    )
    .action(
      async ({ from, to, verify, json = false }: { from: string; to: string; verify: boolean; json?: boolean }) => {
        if (from === to) throw new Error(`--from and --to are the same database; give an empty one as --to`);
        if (!isUrl(from) && !existsSync(from))
          throw new Error(`--from ${from} is not there; give the path of a database`);
        const source = await openDatabase(at(from));
        try {
          const target = await openDatabase(at(to));
          try {
            const progress = new Steps();
            const result = await rebuild(source, target, {
              verify,
              onProgress: (step, done, total) => progress.at(step, done, total),
            });
            progress.end();
            const lines = [
              `source ${result.source.hash}`,
              `target ${result.target.hash}`,
              result.differing.length === 0 ? "They are the same" : `They differ in ${result.differing.join(", ")}`,
            ];
            process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : `${lines.join("\n")}\n`);
            if (result.source.hash !== result.target.hash) process.exitCode = 1;
          } finally {
            await target.close();
          }
        } finally {
          await source.close();
        }
      },
    );
}

const isUrl = (address: string): boolean => /^postgres(ql)?:/.test(address);

/** A URL without a password takes libpq's, which stands in no list of processes. */
function at(address: string): DatabaseOptions {
  if (!isUrl(address)) return { backend: "sqlite", path: address };
  const password = URL.canParse(address) && new URL(address).password === "" ? process.env.PGPASSWORD : undefined;
  return {
    backend: "postgres",
    url: address,
    poolSize: 4,
    ...patient,
    ...(password !== undefined && { password: () => password }),
  };
}

async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const { database: settings } = readSettings(process.env);
  const database = await openDatabase({ ...settings, ...(settings.backend === "postgres" && patient) });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** How far each step is, by a bar or by lines. */
class Steps {
  private readonly progress = progressOn(process.stderr);
  private step = "";
  private done = 0;

  at(step: string, done: number, total: number): void {
    if (step !== this.step) {
      [this.step, this.done] = [step, 0];
      this.progress.start(step, total);
    }
    this.progress.add(done - this.done);
    this.done = done;
  }

  end(): void {
    this.progress.end();
  }
}

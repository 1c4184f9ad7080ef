import { Command, InvalidArgumentError, Option } from "commander";
import { readSettings } from "../settings";
import { openDatabase } from "../store/database";
import { SMALL } from "./dataset";
import { type GenerateOptions, TaskDBLoadGenerator } from "./generator";
import { progressOn } from "../progress";

function whole(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function date(text: string): Date {
  const value = new Date(text);
  if (Number.isNaN(value.getTime())) throw new InvalidArgumentError("It must be a date, as in 2026-01-01T00:00:00Z.");
  return value;
}

interface Options {
  readonly tasks?: number;
  readonly runsPerTask?: number;
  readonly gatesPerRun?: number;
  readonly artifacts?: number;
  readonly events?: number;
  readonly seed?: number;
  readonly from?: Date;
  readonly small?: boolean;
  readonly append?: boolean;
  readonly replace?: boolean;
}

const requested = ({ small, append, replace, artifacts, ...scale }: Options): GenerateOptions => ({
  ...(small && SMALL),
  ...scale,
  ...(artifacts !== undefined && { artifactsPerTask: artifacts }),
  present: append ? "append" : replace ? "replace" : "refuse",
});

export function generateCommand(): Command {
  return new Command("generate")
    .description("fills the database with synthetic rows, the same for the same seed; interrupted, it leaves nothing")
    .option("--tasks <count>", "tasks (default 100000)", whole)
    .option("--runs-per-task <count>", "runs, as many a task on average (default 10)", whole)
    .option("--gates-per-run <count>", "gates, as many a run on average (default 3)", whole)
    .option("--artifacts <count>", "artifacts, as many a task on average (default 5)", whole)
    .option("--events <count>", "events in all: one of each row, the rest notes (default 100 a task)", whole)
    .option("--seed <number>", "other rows for another seed, 0 to 4294967295 (default 1)", whole)
    .option("--from <date>", "when the first event is; the last is within 28 days (default 2026-01-01T00:00:00Z)", date)
    .option("--small", `${SMALL.tasks} tasks, for tests`)
    .addOption(new Option("--append", "add to the rows that are there").conflicts("replace"))
    .option("--replace", "first take away what an earlier load has made")
    .action(async (options: Options) => {
      const { database: settings } = readSettings(process.env);
      // One statement loads a table, and nothing else is asked of the connection meanwhile.
      const database = await openDatabase(
        settings.backend === "postgres"
          ? { ...settings, poolSize: 2, statementTimeoutMs: 0, lockTimeoutMs: 0, idleInTransactionTimeoutMs: 0 }
          : settings,
      );
      try {
        const say = (text: string): void => void process.stderr.write(`${text}\n`);
        const generator = new TaskDBLoadGenerator(database, { say, progress: progressOn(process.stderr) });
        const sizes = await generator.generateSyntheticDataset(requested(options));
        process.stdout.write(`${JSON.stringify(sizes)}\n`);
      } finally {
        await database.close();
      }
    });
}

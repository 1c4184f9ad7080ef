import { existsSync } from "node:fs";
import { Command } from "commander";
import { progressOn } from "../progress";
import { type Database, openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { transfer } from "./transfer";

/** A table is read for as long as it takes. */
const unbounded = { statementTimeoutMs: 0, lockTimeoutMs: 0, idleInTransactionTimeoutMs: 0, poolSize: 4 };

function open(place: string): Promise<Database> {
  if (/^postgres(ql)?:\/\//.test(place)) {
    // Everybody on a machine sees the arguments of its programs.
    const password = process.env.PGPASSWORD;
    return openDatabase({
      backend: "postgres",
      url: place,
      ...unbounded,
      ...(password !== undefined && { password: () => password }),
    });
  }
  return openDatabase({ backend: "sqlite", path: place });
}

export function transferCommand(): Command {
  return new Command("transfer")
    .description("makes one database what another is, SQLite or PostgreSQL; cut off, the same command goes on")
    .requiredOption(
      "--from <place>",
      "postgresql://user@host/database with the password in PGPASSWORD, or SQLite's file; only read",
    )
    .requiredOption("--to <place>", "the same; empty, or filled by transfers from that source only")
    .action(async ({ from, to }: { readonly from: string; readonly to: string }) => {
      if (from === to) throw new Error(`--from and --to are both the same database; nothing was changed`);
      if (!/^postgres(ql)?:\/\//.test(from) && !existsSync(from))
        throw new Error(`--from ${from}: there is no such file`);
      const source = await open(from);
      try {
        const behind = (await migrate(source, "status")).filter(({ appliedAt }) => appliedAt === null);
        if (behind.length > 0)
          throw new Error(
            `--from: the source lacks the migrations ${behind.map(({ name }) => name).join(", ")}; run "taskdb migrate up" on it first`,
          );
        const target = await open(to);
        try {
          await migrate(target, "up");
          const progress = progressOn(process.stderr);
          const state = await transfer(source, target, progress).finally(() => progress.end());
          process.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    });
}

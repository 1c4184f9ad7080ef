/*
 * One run of the engine in a process of its own, which may end by SIGKILL at a chosen line of the stack's journal. Its one argument is a
 * KilledRun as JSON; a run that comes to its end prints its result and changes as JSON.
 */
import { writeFileSync } from "node:fs";
import { destroy, up } from "..";
import { type Appender, realDisk } from "../state/disk";

/** When the process kills itself: with nothing of a line of the journal in the file, with half of it, or with all of it. */
export interface Moment {
  /** From 1; the first line only says what the journal extends. */
  readonly line: number;
  readonly written: "nothing" | "half" | "all";
}

export interface KilledRun {
  readonly operation: "up" | "destroy";
  readonly projectDir: string;
  readonly stack: string;
  readonly passphrase: string;
  readonly kill?: Moment;
  /** Written when it asks whether to go on after its preview, which nobody answers. @default no preview */
  readonly asks?: string;
}

const { operation, passphrase, kill, asks, ...where } = JSON.parse(process.argv[2] ?? "") as KilledRun;
if (kill !== undefined) killAt(kill);

/** Puts itself between the engine and the disk. */
function killAt({ line, written }: Moment): void {
  let lines = 0;
  const deadly = (file: Appender): Appender => ({
    ...file,
    async write(text) {
      for (const each of text.split(/(?<=\n)/)) {
        lines++;
        if (lines === line) {
          const part = { nothing: 0, half: Math.floor(each.length / 2), all: each.length }[written];
          await file.write(each.slice(0, part));
          process.kill(process.pid, "SIGKILL");
          await new Promise(() => undefined);
        }
        await file.write(each);
      }
    },
  });
  const real = { ...realDisk };
  realDisk.create = async (file) => deadly(await real.create(file));
  realDisk.reopen = async (file, length) => deadly(await real.reopen(file, length));
}

async function main(): Promise<void> {
  const confirm = (): Promise<boolean> => {
    writeFileSync(asks ?? "", "");
    return new Promise(() => undefined);
  };
  const options = {
    ...where,
    passphrase: async () => passphrase,
    ...(asks === undefined ? { skipPreview: true } : { confirm }),
  };
  const { result, changes, diagnostics } = await (operation === "up" ? up(options) : destroy(options));
  process.stdout.write(JSON.stringify({ result, changes, diagnostics }));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});

import { join } from "node:path";
import { readRecords, type RunRecord } from "../../loadtests/record";
import { CommandError } from "../errors";
import { root } from "../place";

export const runsFolder = join(root, ".ballast", "runs");

/** The stack's runs of that profile, the newest first. */
export async function runsOf(stack: string, profile: string): Promise<RunRecord[]> {
  const all = await readRecords(runsFolder);
  return all.filter((record) => record.stack === stack && record.profile === profile);
}

/** Runs by their names. */
export async function namedRuns(names: readonly string[]): Promise<RunRecord[]> {
  const all = await readRecords(runsFolder);
  return names.map((name) => {
    const found = all.find(({ run }) => run === name);
    if (found === undefined) {
      const newest = all.slice(0, 5).map(({ run }) => run);
      const known = newest.length > 0 ? `the newest are ${newest.join(", ")}` : "there is none yet";
      throw new CommandError(`no run ${name} in ${runsFolder}: ${known}`);
    }
    return found;
  });
}

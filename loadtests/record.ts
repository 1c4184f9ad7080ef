import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Measured } from "./measured";
import type { ProfileName } from "./table";
import type { Judged } from "./verdict";

/** What a container of the services under load ran. */
export interface RunningImage {
  readonly namespace: string;
  readonly container: string;
  readonly image: string;
  /** As the node that runs it names it; after it, not after a tag, two runs can be told apart. */
  readonly digest: string;
}

/** One run of load, as `run.json` in its folder. */
export interface RunRecord {
  readonly run: string;
  readonly stack: string;
  readonly environment: string;
  readonly profile: ProfileName;
  readonly seed: number;
  readonly durationScale: number;
  /** Of the plan. */
  readonly seconds: number;
  /** Iterations that were due, by scenario. */
  readonly due: Readonly<Record<string, number>>;
  /** Its version. */
  readonly k6: string;
  readonly commit: string;
  /** Who sent the load: processor, memory. */
  readonly machine: string;
  /** Pods that sent it from inside the cluster; nothing, where this machine did. */
  readonly shards?: number;
  /** Nothing, where the cluster could not be asked. */
  readonly images?: readonly RunningImage[];
  readonly started: string;
  readonly ended: string;
  readonly interrupted: boolean;
  readonly code: number;
  readonly measured: Readonly<Record<string, Measured>>;
  readonly results: readonly Judged[];
}

export const recordFile = "run.json";

export const writeRecord = (folder: string, record: RunRecord): Promise<void> =>
  writeFile(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);

/** The runs that are kept, the newest first. Folders that hold no whole run are passed over. */
export async function readRecords(runs: string): Promise<RunRecord[]> {
  const names = await readdir(runs).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const records = await Promise.all(
    names.map(async (name) => {
      try {
        return JSON.parse(await readFile(join(runs, name, recordFile), "utf8")) as Partial<RunRecord>;
      } catch {
        return {};
      }
    }),
  );
  return records
    .filter((record): record is RunRecord => record.run !== undefined && record.measured !== undefined)
    .sort((left, right) => right.started.localeCompare(left.started));
}

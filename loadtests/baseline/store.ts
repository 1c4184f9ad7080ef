import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Baseline } from "./baseline";

/**
 * Where baselines stand: those of a cloud's stacks in the checkout, to be committed with the code they speak of; those of this machine's
 * cluster in `.ballast/`, as they say nothing about another machine.
 */
export class BaselineStore {
  constructor(private readonly root: string) {}

  file(stack: string, profile: string, embedded: boolean): string {
    return join(this.root, embedded ? ".ballast/baselines" : "loadtests/baselines", `${stack}-${profile}.json`);
  }

  async write(baseline: Baseline, embedded: boolean): Promise<string> {
    const file = this.file(baseline.stack, baseline.profile, embedded);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(baseline, null, 2)}\n`);
    return file;
  }

  /** Nothing, where there is none. */
  async read(stack: string, profile: string, embedded: boolean): Promise<Baseline | undefined> {
    return parsed(this.file(stack, profile, embedded));
  }

  async list(): Promise<{ file: string; baseline: Baseline }[]> {
    const folders = [true, false].map((embedded) => dirname(this.file("a", "b", embedded)));
    const files = await Promise.all(
      folders.map(async (folder) => {
        const names = await readdir(folder).catch(() => []);
        return names.filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
      }),
    );
    const all = await Promise.all(files.flat().map(async (file) => ({ file, baseline: await parsed(file) })));
    return all
      .flatMap(({ file, baseline }) => (baseline ? [{ file, baseline }] : []))
      .sort((left, right) => basename(left.file).localeCompare(basename(right.file)));
  }
}

async function parsed(file: string): Promise<Baseline | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const baseline = JSON.parse(text) as Partial<Baseline>;
    if (baseline.runs?.length && baseline.due && baseline.stack && baseline.profile) return baseline as Baseline;
  } catch {
    // Said below, with the file's name.
  }
  throw new Error(`${file} is no baseline: remove it, or make it anew with: ballast load baseline set`);
}

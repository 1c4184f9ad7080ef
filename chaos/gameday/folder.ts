import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Journal } from "../run/journal";
import type { RunSeries } from "../../loadtests/series/series";
import type { GameDay } from "./day";
import type { GameDayPlan } from "./plan";

const names = {
  plan: "plan.json",
  day: "gameday.json",
  journals: "journals",
  load: "load",
  series: "load/series.json",
  notes: "notes.md",
  report: "report.html",
} as const;

/** Everything of a day, as its report reads it. */
export interface RecordedDay {
  readonly plan: GameDayPlan;
  readonly day: GameDay;
  /** By file name, as the day's runs name them. */
  readonly journals: Readonly<Record<string, Journal>>;
  /** Nothing, where no request was sent. */
  readonly series?: RunSeries;
  /** Free text that people have put beside it. */
  readonly notes?: string;
}

/** The files of one day: what there is, is there from the moment it is known. */
export class DayFolder {
  private constructor(readonly path: string) {}

  static async make(path: string): Promise<DayFolder> {
    await mkdir(join(path, names.journals), { recursive: true });
    await mkdir(join(path, names.load), { recursive: true });
    return new DayFolder(path);
  }

  static at(path: string): DayFolder {
    return new DayFolder(path);
  }

  /** Where k6's files are kept. */
  get load(): string {
    return join(this.path, names.load);
  }

  get report(): string {
    return join(this.path, names.report);
  }

  writePlan(plan: GameDayPlan): Promise<void> {
    return this.#write(names.plan, plan);
  }

  writeDay(day: GameDay): Promise<void> {
    return this.#write(names.day, day);
  }

  /** The file's name, as the day's record has it. */
  async writeJournal(number: number, experiment: string, journal: Journal): Promise<string> {
    const name = `${names.journals}/${String(number).padStart(2, "0")}-${experiment}.json`;
    await this.#write(name, journal);
    return name;
  }

  async writeReport(html: string): Promise<void> {
    await writeFile(this.report, html);
  }

  /** @throws when there is no day, or a file of it cannot be read */
  async read(): Promise<RecordedDay> {
    const plan = await this.#read<GameDayPlan>(names.plan);
    const day = await this.#read<GameDay>(names.day);
    const files = await readdir(join(this.path, names.journals));
    const journals: Record<string, Journal> = {};
    for (const file of files.filter((each) => each.endsWith(".json")))
      journals[`${names.journals}/${file}`] = await this.#read<Journal>(`${names.journals}/${file}`);
    const series = await this.#read<RunSeries>(names.series).catch(() => undefined);
    const notes = await readFile(join(this.path, names.notes), "utf8").catch(() => undefined);
    return { plan, day, journals, ...(series && { series }), ...(notes !== undefined && { notes }) };
  }

  /** Whole or not at all: a day that is cut off must not leave half a file. */
  async #write(name: string, content: unknown): Promise<void> {
    const file = join(this.path, name);
    await writeFile(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`);
    await rename(`${file}.new`, file);
  }

  async #read<T>(name: string): Promise<T> {
    const file = join(this.path, name);
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch {
      throw new Error(`${file} cannot be read: give the folder of a GameDay, such as .ballast/gamedays/<id>`);
    }
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new Error(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

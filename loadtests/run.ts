import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type * as esbuild from "esbuild";
import type { Plan } from "./plan";
import { measuredOf, type Measured } from "./measured";
import { csvEnvironment, SeriesCollector } from "./series/collect";
import { intervalFor, type RunSeries } from "./series/series";
import { exitOf, judge, type Judged, type Summary } from "./verdict";

export interface Ran {
  /** k6's own, or 99 where k6 took no data for a pass. */
  readonly code: number;
  readonly k6Code: number;
  /** Nothing, where k6 ended before there was one. */
  readonly summary?: Summary;
  readonly results: readonly Judged[];
  /** By scenario. */
  readonly measured: Readonly<Record<string, Measured>>;
  /** Nothing, where no scenario has begun. */
  readonly series?: RunSeries;
  /** What k6 said was wrong, one line each. */
  readonly errors: readonly string[];
}

export interface RunOptions {
  readonly plan: Plan;
  /** Program. */
  readonly k6: string;
  /** Exists; the plan, the script, the summary, the series and k6's log are kept there. */
  readonly folder: string;
  /**
   * Ends the run in order.
   * @default never
   */
  readonly signal?: AbortSignal;
  /**
   * Certificates of authorities that k6 trusts, a file.
   * @default the machine's
   */
  readonly authorities?: string;
  /**
   * Adds up what happens, for one who wants to see it while it does.
   * @default one with intervals by the plan's length
   */
  readonly collector?: SeriesCollector;
}

/** Runs k6 over the plan, and judges what came of it. */
export async function runLoad(options: RunOptions): Promise<Ran> {
  const { plan, k6, folder, signal, authorities } = options;
  const collector = options.collector ?? new SeriesCollector(intervalFor(plan.seconds));
  const files = {
    plan: join(folder, "plan.json"),
    script: join(folder, "script.js"),
    summary: join(folder, "summary.json"),
    series: join(folder, "series.json"),
  };
  const whole: Plan = { ...plan, summary: files.summary };
  await writeFile(files.plan, `${JSON.stringify(whole, null, 2)}\n`);
  await writeFile(files.script, await bundle(whole));
  const { code, log } = await execute(
    k6,
    ["run", "--quiet", "--no-color", "--no-usage-report", "--address", "", "--out", "csv=-", files.script],
    {
      ...ownEnvironment(),
      ...csvEnvironment,
      BALLAST_LOAD_PLAN: files.plan,
      ...(authorities === undefined ? {} : { SSL_CERT_FILE: authorities }),
    },
    (sample) => collector.line(sample),
    signal,
  );
  const series = collector.result();
  if (series) await writeFile(files.series, `${JSON.stringify(series)}\n`);
  await writeFile(join(folder, "k6.log"), log.join("\n"));
  const summary = await readFile(files.summary, "utf8").then(
    (text) => JSON.parse(text) as Summary,
    () => undefined,
  );
  const errors = log.filter((line) => line.includes("level=error"));
  return ranOf({ plan: whole, k6Code: code, ...(summary && { summary }), ...(series && { series }), errors });
}

/** Judges what came of a run, whoever sent it. */
export function ranOf(came: Pick<Ran, "k6Code" | "summary" | "series" | "errors"> & { readonly plan: Plan }): Ran {
  const { plan, ...rest } = came;
  const known = came.summary ?? { metrics: {} };
  const results = judge(plan, known);
  return {
    ...rest,
    code: exitOf(came.k6Code, results),
    results,
    measured: Object.fromEntries(Object.keys(plan.due).map((name) => [name, measuredOf(name, plan.seconds, known)])),
  };
}

/** One file for all scenarios: the same on this machine and where there is no checkout. */
export async function bundle(plan: Plan): Promise<string> {
  // Bundled into the command line, esbuild would not find its own program.
  const { build } = createRequire(require.resolve("esbuild"))("esbuild") as typeof esbuild;
  const taskdb = plan.targets["taskdb"] !== undefined;
  const contents = [
    `import { setup as ready } from "./k6/shared/plan";`,
    ...(taskdb ? [`import { prepare } from "./k6/taskdb/api";`] : []),
    `export { handleSummary, options } from "./k6/shared/plan";`,
    `export function setup() { ready(); ${taskdb ? "prepare();" : ""} }`,
    ...plan.scripts.map(({ exec, path }) => `export { default as ${exec} } from ${JSON.stringify(`./${path}`)};`),
  ].join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: __dirname, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    external: ["k6", "k6/*"],
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/** Settings of k6 in the user's environment would make another run of it. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("K6_")));

async function execute(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onSample: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<{ code: number; log: string[] }> {
  // In a group of its own: Ctrl-C reaches it once, from here. A second one would cut it off.
  const child = spawn(program, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const log: string[] = [];
  let unread: unknown;
  createInterface({ input: child.stdout }).on("line", (line) => {
    try {
      onSample(line);
    } catch (error) {
      unread ??= error;
    }
  });
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const stop = () => child.kill("SIGINT");
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const [code, by] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (code === null) throw new Error(`k6 was ended by ${by ?? "a signal"}`);
    if (unread !== undefined) throw unread as Error;
    return { code, log };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

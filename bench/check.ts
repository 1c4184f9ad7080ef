import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Benchmark, Figure } from "./figure";
import { ran, repeat } from "./child";
import { root } from "./program";

const SAMPLE_MS = 100;
const KIBIBYTES_A_MEBIBYTE = 1024;
interface Run {
  readonly seconds: number;
  /** Of the command and all its descendants at one time; memory that processes share counts once. */
  readonly peakMiB: number;
}

/** The process and its descendants. */
async function tree(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0));
  }
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found;
}

async function memory(pids: readonly number[]): Promise<number> {
  const texts = await Promise.all(
    // It may have ended meanwhile.
    pids.map((pid) => readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "")),
  );
  const kibibytes = texts.map((text) => Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0));
  return kibibytes.reduce((sum, each) => sum + each, 0) / KIBIBYTES_A_MEBIBYTE;
}

async function check(args: readonly string[]): Promise<Run> {
  const started = performance.now();
  const child = spawn(process.execPath, [join(root, "cli", "ballast.mjs"), "check", ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "close") as Promise<[number | null]>;
  const timer = new AbortController();
  let peakMiB = 0;
  const sampling = (async () => {
    while (!timer.signal.aborted) {
      peakMiB = Math.max(peakMiB, await memory(await tree(child.pid ?? 0)));
      await delay(SAMPLE_MS);
    }
  })();
  const [code] = await ended;
  const seconds = (performance.now() - started) / 1000;
  timer.abort();
  await sampling;
  if (code !== 0) throw new Error(`ballast check ended with ${String(code)}:\n${said.slice(-2000)}`);
  return { seconds, peakMiB };
}

export const checks: Benchmark = {
  name: "check",
  description:
    "ballast check of every stack with the full policy pack, whole process, alone and against a base that differs",
  async run(bench): Promise<Figure[]> {
    const figures: Figure[] = [];
    const kinds = [
      { name: "of every stack", args: ["--base", "HEAD"] },
      { name: "of every stack, against another commit", args: ["--base", "HEAD~1"] },
    ];
    const { stdout } = await ran("git", ["status", "--porcelain"], process.env, root);
    if (stdout !== "") throw new Error("with changes that are not committed, every base differs: commit them first");
    for (const { name, args } of kinds) {
      await check(args);
      const runs = await repeat(bench.times, () => check(args));
      bench.say(runs.map(({ seconds, peakMiB }) => `${seconds.toFixed(1)} s, ${Math.round(peakMiB)} MiB`).join("; "));
      figures.push(
        {
          name: `check: ${name}`,
          unit: "s",
          runs: runs.map(({ seconds }) => seconds),
          target: { of: "median", most: 30 },
          remark: "warm",
        },
        {
          name: `check: peak memory ${name}`,
          unit: "MiB",
          runs: runs.map(({ peakMiB }) => peakMiB),
          target: { of: "maximum", most: 600 },
          remark: "all processes together",
        },
      );
    }
    return figures;
  },
};

import { spawn } from "node:child_process";
import { totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheRoot } from "./cluster/cache.mjs";
import { env as toolchainEnvironment } from "./cluster/toolchain/programs.json";
import type { Task } from "./progress";

/** Go is not there, so nothing can be built. */
export class NoGoError extends Error {}

/**
 * Runs go as the cluster's toolchain is built, with its caches; gives its output, and each line of its error output to `onLine`.
 *
 * @throws NoGoError when it is not on PATH
 */
export function go(
  args: readonly string[],
  cwd: string,
  onLine: (line: string) => void = () => undefined,
): Promise<string> {
  const caches = { GOCACHE: join(cacheRoot(), "go", "build"), GOMODCACHE: join(cacheRoot(), "go", "mod") };
  // As there: the compiler's garbage collector costs a fifth of the time, where there is memory enough to do without.
  const memory = totalmem() > 8 * 2 ** 30 ? { GOGC: "off" } : {};
  return new Promise((resolve, reject) => {
    const child = spawn("go", args, {
      cwd,
      env: { ...process.env, ...toolchainEnvironment, ...caches, ...memory },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const last: string[] = [];
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    createInterface({ input: child.stderr }).on("line", (line) => {
      last.push(line);
      if (last.length > 15) last.shift();
      onLine(line);
    });
    child.on("error", (error) => reject(new NoGoError(`go could not be started: ${error.message}`)));
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`go ${args[0] ?? ""} failed:\n${last.join("\n")}`)),
    );
  });
}

/** Compiles `program`, a package's import path, of the module in `folder` into the file `target`, and shows how far it is. */
export async function compile(
  program: string,
  flags: readonly string[],
  folder: string,
  target: string,
  task: Task,
): Promise<void> {
  const stale = await go(
    ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", ...flags, program],
    folder,
    (line) => {
      if (line.includes("downloading")) task.detail(line.replace(/^go: /, ""));
    },
  );
  const packages = stale.split("\n").filter(Boolean).length;
  let compiled = 0;
  await go(["build", "-v", ...flags, "-o", target, program], folder, (line) => {
    task.fraction(Math.min(0.99, ++compiled / Math.max(packages, 1)));
    task.detail(line);
  });
}

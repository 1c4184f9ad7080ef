import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readFile, rm } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheRoot } from "../cluster/cache.mjs";
import { ensureToolchain } from "../cluster/toolchain/build";
import { env as toolchainEnvironment } from "../cluster/toolchain/programs.json";
import type { Task } from "../progress";
import type { Input } from "./inputs";
import { folderDigest, inContext } from "./recipe";

const source = join(__dirname, "stand-ins", "traefik");
const traefik = "github.com/traefik/traefik/v3";
/** The ACME client, and the folders of it that are left out, most of all those of a client for each DNS service. */
const acme = "github.com/go-acme/lego/v4";
const leftOut = ["cmd", "docs", "e2e", "providers"];

/**
 * Traefik from its Go module. Its libraries have the versions and flags of the cluster's programs, so that what those compiled is not
 * compiled again; that is why it waits for them.
 */
export const traefikProgram: Input = {
  file: "traefik",
  key: async () =>
    createHash("sha256")
      .update(`${(await flags()).join(" ")}\0${await folderDigest(source, inContext)}`)
      .digest("hex"),
  make: async (target, progress, task) => {
    task.detail("waiting for the toolchain");
    await (await ensureToolchain(progress)).binary("metrics-server");
    const folder = `${target}-module`;
    try {
      await prepareModule(folder, task);
      await compile(folder, target, task);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function flags(): Promise<string[]> {
  const version = await requiredVersion(traefik);
  return ["-trimpath", "-ldflags", `-s -w -X ${traefik}/pkg/version.Version=${version.slice(1)}`];
}

async function requiredVersion(module: string): Promise<string> {
  const text = await readFile(join(source, "go.mod"), "utf8");
  const [, version] = new RegExp(`^\\s*(?:require )?${module} (v\\S+)`, "m").exec(text) ?? [];
  if (version === undefined) throw new Error(`${join(source, "go.mod")} does not require ${module}`);
  return version;
}

/** The module, and beside it what its go.mod takes from there: among it the ACME client, of which the most is left out. */
async function prepareModule(folder: string, task: Task): Promise<void> {
  for (const part of ["go.mod", "go.sum", "ec2", "ssm"])
    await cp(join(source, part), join(folder, part), { recursive: true });
  const wanted = `${acme}@${await requiredVersion(acme)}`;
  task.detail(`go mod download ${wanted}`);
  const answer = await go(["mod", "download", "-json", wanted], folder);
  const { Dir: original } = JSON.parse(answer) as { Dir: string };
  const copy = join(folder, "lego");
  const taken = (path: string) => !leftOut.includes(path.slice(original.length + 1));
  await cp(original, copy, { recursive: true, filter: taken });
  await mkdir(join(copy, "providers", "dns"), { recursive: true });
  await copyFile(join(source, "dns", "none.go"), join(copy, "providers", "dns", "none.go"));
}

async function compile(folder: string, target: string, task: Task): Promise<void> {
  const program = `${traefik}/cmd/traefik`;
  const chosen = await flags();
  const stale = await go(
    ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", ...chosen, program],
    folder,
    (line) => {
      if (line.includes("downloading")) task.detail(line.replace(/^go: /, ""));
    },
  );
  const packages = stale.split("\n").filter(Boolean).length;
  let compiled = 0;
  await go(["build", "-v", ...chosen, "-o", target, program], folder, (line) => {
    task.fraction(Math.min(0.99, ++compiled / Math.max(packages, 1)));
    task.detail(line);
  });
}

/** Runs go as the toolchain's build does; gives its output, and each line of its error output to `onLine`. */
function go(args: readonly string[], cwd: string, onLine: (line: string) => void = () => undefined): Promise<string> {
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
    child.on("error", (error) => reject(new Error(`go could not be started: ${error.message}`)));
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`go ${args[0] ?? ""} failed:\n${last.join("\n")}`)),
    );
  });
}

// Builds the cluster's programs into the cache. Plain JavaScript with no dependency, so that a bootstrap can start it before
// `npm ci` has finished: `node local/cluster/toolchain/prebuild.mjs`. With --events each step is a line of JSON, for build.ts.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { keepNewest } from "../../prune.mjs";
import { cacheRoot } from "../cache.mjs";

/** Each holds some 300 MB. The one before stays for a checkout that is not brought up to date yet. */
const TOOLCHAINS = 2;
const source = dirname(fileURLToPath(import.meta.url));
const { flags, env, programs } = JSON.parse(await readFile(join(source, "programs.json"), "utf8"));
const events = process.argv.includes("--events");
const goEnvironment = {
  ...process.env,
  ...env,
  GOCACHE: join(cacheRoot(), "go", "build"),
  GOMODCACHE: join(cacheRoot(), "go", "mod"),
  // The compiler's garbage collector costs a fifth of the time; memory pays for it where there is enough.
  ...(totalmem() > 8 * 2 ** 30 && { GOGC: "off" }),
};

function say(event) {
  if (events) process.stdout.write(`${JSON.stringify(event)}\n`);
  else if (event.text) process.stdout.write(`${event.text}\n`);
}

/** Runs go; gives its output, and each line of its error output to `onLine`. */
function go(args, onLine = () => undefined) {
  return new Promise((resolve, reject) => {
    const child = spawn("go", args, { cwd: source, env: goEnvironment, stdio: ["ignore", "pipe", "pipe"] });
    const last = [];
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    createInterface({ input: child.stderr }).on("line", (line) => {
      last.push(line);
      if (last.length > 15) last.shift();
      onLine(line);
    });
    child.on("error", (error) =>
      reject(
        error.code === "ENOENT"
          ? new Error(
              "go is not on PATH: install Go 1.26 or later (https://go.dev/dl), it builds the cluster's programs",
            )
          : error,
      ),
    );
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`go ${args[0]} failed:\n${last.join("\n")}`)),
    );
  });
}

/** Content decides where the programs stand: another source, flag or compiler is another folder. */
async function buildDirectory() {
  const hash = createHash("sha256");
  hash.update(await go(["env", "GOVERSION", "GOOS", "GOARCH"]));
  const files = (await readdir(source, { recursive: true })).filter((file) =>
    /((?<!_test)\.go|go\.mod|go\.sum|programs\.json)$/.test(file),
  );
  for (const file of files.sort()) hash.update(`${file}\0`).update(await readFile(join(source, file)));
  return join(cacheRoot(), "toolchain", hash.digest("hex").slice(0, 16));
}

const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The kernel's lock is held by a child for as long as we live. */
function lock(path) {
  return new Promise((resolve, reject) => {
    const holder = spawn("flock", [path, "sh", "-c", "echo held; exec cat"], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    holder.on("error", reject);
    holder.on("close", () => reject(new Error(`the lock ${path} could not be taken`)));
    holder.stdout.once("data", () => resolve());
    setTimeout(() => say({ detail: "another build of the toolchain is running; waiting for it" }), 1000).unref();
  });
}

async function build(directory, program) {
  say({ program: program.name, state: "started" });
  const listed = await go(
    ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", ...flags, program.package],
    (line) => {
      if (line.includes("downloading")) say({ program: program.name, detail: line.replace(/^go: /, "") });
    },
  );
  const stale = listed.split("\n").filter(Boolean).length;
  const target = join(directory, program.name);
  let compiled = 0;
  await go(["build", "-v", ...flags, "-o", `${target}.new`, program.package], (line) => {
    compiled += 1;
    say({ program: program.name, fraction: Math.min(0.99, compiled / Math.max(stale, 1)), detail: line });
  });
  await rename(`${target}.new`, target);
}

async function finish(directory, program) {
  for (const link of program.links ?? []) {
    await rm(join(directory, link), { force: true });
    await symlink(program.name, join(directory, link));
  }
  say({ program: program.name, state: "ready", text: `${program.name}: ${join(directory, program.name)}` });
}

const directory = await buildDirectory();
await mkdir(directory, { recursive: true });
say({ directory });
try {
  const missing = [];
  for (const program of programs) {
    // The links are the last step of a program, so the last link tells that all of it is there.
    if (await exists(join(directory, program.links?.at(-1) ?? program.name)))
      say({ program: program.name, state: "ready" });
    else missing.push(program);
  }
  if (missing.length > 0) await lock(join(dirname(directory), "lock"));
  for (const program of missing) {
    if (!(await exists(join(directory, program.name)))) await build(directory, program);
    await finish(directory, program);
  }
  if (missing.length > 0) keepNewest(dirname(directory), directory, TOOLCHAINS);
  process.exit(0);
} catch (error) {
  say({ error: error.message });
  if (!events) process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

// Puts the pinned dependencies in place when they are missing or differ from the lockfile. Plain JavaScript and Node's own modules only: it runs
// in a fresh clone, before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".ballast-lockfile");
const prebuild = join(root, "local", "cluster", "toolchain", "prebuild.mjs");

function fail(message) {
  process.stderr.write(`ballast: ${message}\n`);
  process.exit(1);
}

function lockfileHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", process.stderr, process.stderr] });
    child.on("error", (error) => fail(`cannot start ${command}: ${error.message}`));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/**
 * With `needsCluster` the Kubernetes toolchain starts to compile while npm downloads: the one waits for the network, the other for the cores. What it
 * has compiled by then stays in Go's cache; the command that follows goes on with it, and shows how far it is.
 */
export async function ensureInstalled({ needsCluster = false } = {}) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: Ballast needs Node 20.19 or later (package.json, "engines")`);
  }
  const wanted = lockfileHash();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("Installing the pinned dependencies (npm ci) …\n");
  rmSync(stamp, { force: true });
  const started = Date.now();
  const builder =
    needsCluster && process.platform === "linux" && process.getuid() === 0 && existsSync(prebuild)
      ? spawn(process.execPath, [prebuild], { cwd: root, stdio: "ignore" })
      : undefined;
  const builderEnded = builder && new Promise((resolve) => builder.on("exit", resolve));
  const code = await run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
  if (builder) {
    builder.kill("SIGTERM");
    await builderEnded;
  }
  if (code !== 0) fail(`npm ci ended with ${code}; see its message above, mend that and run the same command again`);
  writeFileSync(stamp, wanted);
  process.stderr.write(`Dependencies installed in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureInstalled({ needsCluster: process.argv.includes("--with-cluster") });
}

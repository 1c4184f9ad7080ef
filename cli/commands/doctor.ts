import { readFile, statfs } from "node:fs/promises";
import { execFile } from "node:child_process";
import { availableParallelism, totalmem } from "node:os";
import { promisify } from "node:util";
import { Command } from "commander";
import { hostUnfit, missingPackages, noDisks } from "../../local/cluster";
import { listImages } from "../../local/images";
import { exit } from "../errors";
import { printJson, root } from "../place";
import { bytes, table } from "../table";

/** `lacking` stops the main job, `note` does not. */
type Verdict = "ok" | "note" | "lacking";

interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do; empty when all is well. */
  readonly fix: string;
}

/** What the local stack's three nodes and a build of the toolchain take, measured; see docs/benchmarks.md. */
const needs = { memoryBytes: 6 * 2 ** 30, diskBytes: 15 * 2 ** 30, go: "1.26" };

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("what this machine lacks for `ballast up`")
    .option("--json", "as one JSON document")
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await examine();
      if (json) printJson(findings);
      else {
        const rows = findings.map(({ what, verdict, found, fix }) => [verdict, what, fix ? `${found}; ${fix}` : found]);
        process.stdout.write(table(["", "WHAT", "FOUND"], rows));
      }
      if (findings.some((finding) => finding.verdict === "lacking")) process.exitCode = exit.failed;
    });
}

async function examine(): Promise<Finding[]> {
  return Promise.all([host(), go(), packages(), memory(), disk(), volumes(), cgroups(), pulumi(), images()]);
}

async function host(): Promise<Finding> {
  const unfit = hostUnfit();
  return unfit
    ? { what: "host", verdict: "note", found: unfit, fix: "" }
    : { what: "host", verdict: "ok", found: `Linux, root, Node ${process.versions.node}`, fix: "" };
}

async function go(): Promise<Finding> {
  const version = await firstLine("go", ["env", "GOVERSION"]);
  const fix = `install Go ${needs.go} or later: the cluster's programs are built with it`;
  if (version === undefined) return { what: "go", verdict: "lacking", found: "not on PATH", fix };
  const number = (text: string) => text.split(".").slice(0, 2).map(Number);
  const [major = 0, minor = 0] = number(version.replace(/^go/, ""));
  const [wantedMajor = 0, wantedMinor = 0] = number(needs.go);
  const old = major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  return { what: "go", verdict: old ? "lacking" : "ok", found: version, fix: old ? fix : "" };
}

async function packages(): Promise<Finding> {
  const missing = hostUnfit() ? [] : await missingPackages();
  if (missing.length === 0) return { what: "packages", verdict: "ok", found: "all there", fix: "" };
  const fix = `\`ballast up\` installs them, or: apt-get update && apt-get install --no-install-recommends -y ${missing.join(" ")}`;
  return { what: "packages", verdict: "note", found: `missing: ${missing.join(", ")}`, fix };
}

async function memory(): Promise<Finding> {
  const total = totalmem();
  const found = `${bytes(total)}, ${availableParallelism()} cores`;
  return total < needs.memoryBytes
    ? { what: "memory", verdict: "lacking", found, fix: `the local stack takes ${bytes(needs.memoryBytes)}` }
    : { what: "memory", verdict: "ok", found, fix: "" };
}

async function disk(): Promise<Finding> {
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  return free < needs.diskBytes
    ? {
        what: "disk",
        verdict: "lacking",
        found: `${bytes(free)} free`,
        fix: `the caches take ${bytes(needs.diskBytes)}`,
      }
    : { what: "disk", verdict: "ok", found: `${bytes(free)} free`, fix: "" };
}

async function volumes(): Promise<Finding> {
  const reason = hostUnfit() ? undefined : await noDisks();
  return reason === undefined
    ? { what: "volumes", verdict: "ok", found: "disks of the size that is asked for", fix: "" }
    : { what: "volumes", verdict: "note", found: `folders that share the machine's disk: ${reason}`, fix: "" };
}

async function cgroups(): Promise<Finding> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  const found = mounts.includes(" cgroup ") ? "version 1" : mounts.includes(" cgroup2 ") ? "version 2" : undefined;
  return found
    ? { what: "cgroups", verdict: "ok", found, fix: "" }
    : { what: "cgroups", verdict: "lacking", found: "not mounted", fix: "mount them at /sys/fs/cgroup" };
}

async function pulumi(): Promise<Finding> {
  const version = await firstLine("pulumi", ["version"]);
  return version
    ? { what: "pulumi", verdict: "ok", found: `${version}, used by default (--engine embedded for ours)`, fix: "" }
    : { what: "pulumi", verdict: "ok", found: "not on PATH: the embedded engine does the work", fix: "" };
}

async function images(): Promise<Finding> {
  const list = await listImages();
  const missing = list.filter((image) => image.source === "unavailable");
  if (missing.length === 0) return { what: "images", verdict: "ok", found: `${list.length} can be had`, fix: "" };
  const found = `cannot be had here: ${missing.map((image) => image.name).join(", ")}`;
  return { what: "images", verdict: "note", found, fix: "provide them with --images-dir; see ballast images" };
}

/** `undefined` when the program is not there, or fails. */
async function firstLine(command: string, args: string[]): Promise<string | undefined> {
  const done = await promisify(execFile)(command, args).catch(() => undefined);
  return done?.stdout.split("\n")[0];
}

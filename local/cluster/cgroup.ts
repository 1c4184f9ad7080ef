import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { until } from "./until";

const mounts = "/sys/fs/cgroup";

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The roots under which a group must be made: one for cgroup v2, one a controller for v1. */
async function roots(): Promise<string[]> {
  if (await exists(join(mounts, "cgroup.controllers"))) return [mounts];
  const controllers = (await readFile("/proc/cgroups", "utf8"))
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((fields) => fields[3] === "1")
    .map(([name = ""]) => name);
  const found: string[] = [];
  for (const name of [...controllers, "systemd"]) {
    if (await exists(join(mounts, name, "cgroup.procs"))) found.push(join(mounts, name));
  }
  if (found.length === 0) throw new Error(`no cgroup controller is mounted under ${mounts}; the kubelet needs them`);
  return found;
}

/** Makes the group `path` with all controllers; gives its folders, one a root. */
export async function ensureCgroup(path: string): Promise<string[]> {
  const folders: string[] = [];
  for (const root of await roots()) {
    let folder = root;
    for (const part of path.split("/")) {
      if (root === mounts) await enableControllers(folder);
      folder = join(folder, part);
      await mkdir(folder, { recursive: true });
      await inheritCpuset(folder);
    }
    folders.push(folder);
  }
  return folders;
}

/** cgroup v2: children may use what the parent passes on. */
async function enableControllers(folder: string): Promise<void> {
  const available = (await readFile(join(folder, "cgroup.controllers"), "utf8")).trim().split(" ").filter(Boolean);
  for (const controller of available) await writeFile(join(folder, "cgroup.subtree_control"), `+${controller}`);
}

/** cgroup v1: a new cpuset is empty, and nothing can join it until it has processors and memory. */
async function inheritCpuset(folder: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const own = await readFile(join(folder, file), "utf8").catch(() => undefined);
    if (own === undefined || own.trim() !== "" || (await exists(join(folder, "cgroup.controllers")))) continue;
    await writeFile(join(folder, file), await readFile(join(dirname(folder), file), "utf8"));
  }
}

/** Removes the group `path` and all below it. Its processes must be gone. */
export async function removeCgroup(path: string): Promise<void> {
  // The container runtime makes groups in every hierarchy that is mounted, also where we made none.
  const folders = [mounts, ...(await readdir(mounts)).map((name) => join(mounts, name))];
  for (const folder of folders) {
    if (!(await exists(join(folder, "cgroup.procs")))) continue;
    // The kernel frees a group a moment after its last process.
    await until(`cgroup ${join(folder, path)} is empty`, 20, async () => {
      await removeTree(join(folder, path));
      return true;
    });
  }
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder);
}

/** Memory that the group uses, in bytes; undefined when there is no such group. */
export async function cgroupMemory(path: string): Promise<number | undefined> {
  for (const file of [join(mounts, "memory", path, "memory.usage_in_bytes"), join(mounts, path, "memory.current")]) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) return Number(text);
  }
  return undefined;
}

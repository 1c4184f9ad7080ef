import { access } from "node:fs/promises";
import { constants } from "node:fs";
import { delimiter, join } from "node:path";
import { rm, writeFile, readFile } from "node:fs/promises";
import type { Progress } from "../progress";
import { cacheRoot } from "./cache.mjs";
import { run } from "./command";
import { withLock } from "./lock";

/** Programs of the host that a cluster uses: what to look for, and the Debian package that brings it. */
const programs = {
  containerd: { command: "containerd", package: "containerd" },
  ctr: { command: "ctr", package: "containerd" },
  shim: { command: "containerd-shim-runc-v2", package: "containerd" },
  runc: { command: "runc", package: "runc" },
  haproxy: { command: "haproxy", package: "haproxy" },
  iptables: { command: "iptables", package: "iptables" },
  ipset: { command: "ipset", package: "ipset" },
  conntrack: { command: "conntrack", package: "conntrack" },
  ip: { command: "ip", package: "iproute2" },
  sysctl: { command: "sysctl", package: "procps" },
  nsenter: { command: "nsenter", package: "util-linux" },
  losetup: { command: "losetup", package: "mount" },
  mkfs: { command: "mkfs.ext4", package: "e2fsprogs" },
} as const;

/** Folders where the CNI plugins may stand: Debian's, and the one of upstream's archives. */
const cniFolders = ["/usr/lib/cni", "/opt/cni/bin"];
const cniPackage = "containernetworking-plugins";
const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export interface HostPrograms {
  readonly containerd: string;
  readonly ctr: string;
  readonly haproxy: string;
  readonly cniPlugins: string;
}

const executable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function firstOf(candidates: readonly string[]): Promise<string | undefined> {
  for (const path of candidates) if (await executable(path)) return path;
  return undefined;
}

/** The path of a program, also where an administrator's folders are not on PATH. */
export async function findProgram(command: string): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), ...systemFolders];
  return firstOf(folders.map((folder) => join(folder, command)));
}

async function findCniPlugins(): Promise<string | undefined> {
  for (const folder of cniFolders) if (await executable(join(folder, "ptp"))) return folder;
  return undefined;
}

/** Debian packages that the cluster needs and the machine lacks. */
export async function missingPackages(): Promise<string[]> {
  const missing = new Set<string>();
  for (const program of Object.values(programs))
    if (!(await findProgram(program.command))) missing.add(program.package);
  if (!(await findCniPlugins())) missing.add(cniPackage);
  return [...missing];
}

/** Installs what is missing, and says where the programs are. */
export async function ensureHostPrograms(progress: Progress): Promise<HostPrograms> {
  const missing = await missingPackages();
  if (missing.length > 0) await ensurePackages(missing, progress);
  const found = async (command: string) => {
    const path = await findProgram(command);
    if (path) return path;
    throw new Error(
      `${command} is not on this machine although its package is installed; check with: command -v ${command}`,
    );
  };
  const cniPlugins = await findCniPlugins();
  if (!cniPlugins) throw new Error(`no CNI plugin "ptp" in ${cniFolders.join(" or ")}; install ${cniPackage}`);
  return {
    containerd: await found("containerd"),
    ctr: await found("ctr"),
    haproxy: await found("haproxy"),
    cniPlugins,
  };
}

async function installed(name: string): Promise<boolean> {
  const { stdout } = await run("dpkg-query", ["--show", "--showformat=${db:Status-Abbrev}", name], { accept: [0, 1] });
  return stdout.startsWith("ii");
}

/**
 * Installs Debian packages. Their services are not started. Several processes may call it at once.
 * @throws with the exact command when it is not root, or the machine has no apt
 */
export async function ensurePackages(names: readonly string[], progress: Progress): Promise<void> {
  const apt = await findProgram("apt-get");
  if (!apt)
    throw new Error(
      `these programs are missing: ${names.join(", ")}; install them with this machine's package manager`,
    );
  const lacking = async () => {
    const states = await Promise.all(names.map(installed));
    return names.filter((_, index) => !states[index]);
  };
  const missing = await lacking();
  if (missing.length === 0) return;
  const command = `apt-get update && apt-get install --no-install-recommends -y ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) throw new Error(`Debian packages are missing; as root: ${command}`);
  await progress.task(
    `Install ${missing.length === 1 ? "package" : "packages"} ${missing.join(", ")}`,
    (task) =>
      withLock(
        join(cacheRoot(), "apt.lock"),
        async () => {
          const still = await lacking();
          if (still.length === 0) return;
          const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
          const options = ["-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3", "-q"];
          const install = () =>
            withoutServices(() =>
              run(apt, [...options, "install", "-y", "--no-install-recommends", ...still], { env }),
            );
          task.detail("apt-get install");
          // Lists that are there are usually good enough, and reading them anew takes longer than to install.
          await install().catch(async () => {
            task.detail("apt-get update");
            await run(apt, [...options, "update"], { env });
            task.detail("apt-get install");
            await install();
          });
        },
        () => task.detail("waiting for another installation"),
      ),
    { estimateSeconds: 30 },
  );
}

const policyFile = "/usr/sbin/policy-rc.d";
const policy = `#!/bin/sh
# Ballast: packages are being installed whose services must not start. Removed when that is done.
exit 101
`;

/** Debian's packages ask this file before they start a service. A machine's own policy stays, and is never removed. */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  const before = await readFile(policyFile, "utf8").catch(() => undefined);
  if (before !== undefined && before !== policy) return work();
  await writeFile(policyFile, policy, { mode: 0o755 });
  try {
    return await work();
  } finally {
    await rm(policyFile, { force: true });
  }
}

import { constants } from "node:fs";
import { access, readdir, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";
import { until } from "./until";

/**
 * Why volumes are folders on this machine; undefined when they are disks of the size that their claims ask for. The controller
 * (toolchain/volumes) makes them.
 */
export async function noDisks(): Promise<string | undefined> {
  const control = "/dev/loop-control";
  const usable = await access(control, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!usable) return `${control} is not there to use (in a container: give it --privileged)`;
  const systems = await readFile("/proc/filesystems", "utf8").catch(() => "");
  return /\text4$/m.test(systems) ? undefined : "the kernel has no ext4 (load it with: modprobe ext4)";
}

/** Loop devices whose files stand below a folder, also files that are deleted. */
async function devicesBelow(folder: string): Promise<string[]> {
  const below = `${await realpath(folder).catch(() => folder)}/`;
  const devices = (await readdir("/sys/block")).filter((name) => name.startsWith("loop"));
  const backings = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "")),
  );
  return devices.filter((_, index) => backings[index]?.startsWith(below)).map((name) => join("/dev", name));
}

/**
 * Detaches the disks of one node, or of all; whatever mounted them is stopped.
 *
 * @param directory where their files are
 * @param links folder of the links to their devices
 */
export async function detachVolumes(directory: string, links: string): Promise<void> {
  await rm(links, { recursive: true, force: true });
  let left: string[] = [];
  await until(
    "no loop device is attached",
    30,
    async () => {
      left = await devicesBelow(directory);
      // One that is still in use goes with its last user, which the kernel ends in its own time.
      for (const device of left) await run("losetup", ["--detach", device], { accept: [0, 1] });
      return left.length === 0;
    },
    { why: () => `${left.join(", ")}; see what holds them with: losetup --list; lsof ${left.join(" ")}` },
  );
}

import { readFile, writeFile } from "node:fs/promises";
import type { Progress } from "../progress";

/** Why this machine cannot run a cluster of its own, as a sentence that says what to use; undefined when it can. */
export function hostUnfit(platform: NodeJS.Platform = process.platform, uid = process.getuid?.()): string | undefined {
  const instead =
    "use a cluster that is there with --kubeconfig FILE [--context NAME], for example one made by kind (kind create cluster)";
  if (platform !== "linux") return `a local cluster of Ballast's own needs Linux, and this is ${platform}; ${instead}`;
  if (uid !== 0) return `a local cluster of Ballast's own needs root (run with sudo); or ${instead}`;
  return undefined;
}

export function requireFitHost(): void {
  const reason = hostUnfit();
  if (reason) throw new Error(reason);
}

const inotifyFile = "/proc/sys/fs/inotify/max_user_instances";
const inotifyInstances = 1024;

/**
 * Every kubelet watches files with half a dozen inotify instances, and the usual limit of 128 a user ends with the second or third
 * cluster. It costs nothing until it is used, so it stays raised.
 */
export async function raiseInotifyLimit(progress: Progress): Promise<void> {
  const limit = Number(await readFile(inotifyFile, "utf8"));
  if (limit >= inotifyInstances) return;
  await writeFile(inotifyFile, String(inotifyInstances)).then(
    () => progress.note(`raised fs.inotify.max_user_instances from ${limit} to ${inotifyInstances}, for the kubelets`),
    (error: Error) =>
      progress.note(
        `fs.inotify.max_user_instances is ${limit} and could not be raised (${error.message}); kubelets may fail to start`,
      ),
  );
}

import type { V1Pod } from "@kubernetes/client-node";
import { ApiException } from "@kubernetes/client-node";
import { exec } from "../exec";
import type { FaultOf } from "../experiment/schema";
import type { Ground } from "../ground";
import { NoVictim, type FaultDriver, type UndoRecord } from "./fault";
import { choosePods, onlyPods, podNow, type PodVictim } from "./pods";
import { removeBySweeper, type FilledVolume } from "./sweeper";

/** The file that fills a volume. */
const fileName = ".ballast-disk-fill";
/** KiB that may be free beyond what is to be left: a file system cannot be filled to the byte by whoever shares it. */
const slack = 1024;
/** Tries: others may write, or delete, while it is filled. */
const rounds = 5;
/** A file system is never larger than its volume; this much for rounding. */
const rounding = 1.02;

interface Room {
  /** KiB. */
  readonly size: number;
  readonly free: number;
}

const mebibytes = ({ free, size }: Room): string => `${Math.round(free / 1024)} of ${Math.round(size / 1024)} MiB free`;

function roomOf(df: string, path: string): Room {
  const [, size, , free] = /^\S+\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+%/m.exec(df)?.map(Number) ?? [];
  if (size === undefined || free === undefined) throw new Error(`df of ${path} says nothing of it: ${df.trim()}`);
  return { size, free };
}

const fileOf = (path: string): string => `${path.replace(/\/$/, "")}/${fileName}`;

/** Where the container of a pod keeps the claim that is mounted at, or above, the path. */
function volumeOf(pod: V1Pod, { container, path }: Pick<FaultOf<"disk-fill">, "container" | "path">): FilledVolume {
  const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
  const found = pod.spec?.containers.find((each) => each.name === container);
  if (!found) {
    const known = pod.spec?.containers.map((each) => each.name).join(", ");
    throw new NoVictim(`pod ${name} has no container ${container}; it has ${known}`);
  }
  const mount = (found.volumeMounts ?? [])
    .filter(({ mountPath }) => `${path}/`.startsWith(`${mountPath.replace(/\/$/, "")}/`))
    .sort((left, right) => right.mountPath.length - left.mountPath.length)[0];
  const claim = pod.spec?.volumes?.find((volume) => volume.name === mount?.name)?.persistentVolumeClaim?.claimName;
  if (!mount || claim === undefined)
    throw new NoVictim(
      `${path} in container ${container} of pod ${name} is not the volume of a claim; filling it would fill the node`,
    );
  return {
    claim,
    claimUid: "",
    container,
    file: fileOf(path),
    mountPath: mount.mountPath,
    ...(mount.subPath !== undefined && { subPath: mount.subPath }),
    image: found.image ?? "",
    ...(pod.spec?.securityContext && { podSecurity: pod.spec.securityContext }),
    ...(found.securityContext && { security: found.securityContext }),
  };
}

/** @throws NoVictim when the pod has been replaced */
async function filledVolume(fault: FaultOf<"disk-fill">, victim: PodVictim, ground: Ground): Promise<FilledVolume> {
  const pod = await podNow(victim, ground);
  if (!pod) throw new NoVictim(`pod ${victim.namespace}/${victim.name} (${victim.uid}) is gone`);
  const volume = volumeOf(pod, fault);
  const { metadata } = await ground.core.readNamespacedPersistentVolumeClaim({
    namespace: victim.namespace,
    name: volume.claim,
  });
  return { ...volume, claimUid: metadata?.uid ?? "" };
}

async function room({ namespace, name }: PodVictim, { container, path }: FaultOf<"disk-fill">, ground: Ground) {
  return roomOf(await exec(ground.kubeconfig, { namespace, pod: name, container }, ["df", "-Pk", path]), path);
}

/** @throws NoVictim when the file system is not the volume's own: what fills it would fill what else is on it */
async function refuseShared(fault: FaultOf<"disk-fill">, victim: PodVictim, ground: Ground): Promise<void> {
  const { claim } = await filledVolume(fault, victim, ground);
  const { namespace } = victim;
  const { status } = await ground.core.readNamespacedPersistentVolumeClaim({ namespace, name: claim });
  const capacity = kibibytes(status?.capacity?.["storage"] ?? "");
  const { size } = await room(victim, fault, ground);
  if (size > capacity * rounding)
    throw new NoVictim(
      `${fault.path} of pod ${namespace}/${victim.name} is on a file system of ${Math.round(size / 1024)} MiB, and its claim ` +
        `${claim} is of ${Math.round(capacity / 1024)} MiB: it shares its disk, and filling it would fill the node; ` +
        "use a storage class whose volumes have a size of their own",
    );
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  ...Object.fromEntries(["k", "M", "G", "T", "P"].map((unit, index) => [unit, 1000 ** (index + 1)])),
  ...Object.fromEntries(["Ki", "Mi", "Gi", "Ti", "Pi"].map((unit, index) => [unit, 1024 ** (index + 1)])),
};

/** Of a quantity of storage as the API server writes it. */
export function kibibytes(quantity: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([kMGTP]?|[KMGTP]i)$/.exec(quantity) ?? [];
  const factor = units[unit];
  if (number === undefined || factor === undefined)
    throw new Error(`the capacity of a claim is "${quantity}", which is no quantity such as 5Gi`);
  return (Number(number) * factor) / 1024;
}

/** Appends so many KiB to the file: reserved at once where the file system can, else written. What no longer fits is left out. */
const filling =
  'at=$(stat -c %s "$0" 2>/dev/null || echo 0); ' +
  'fallocate -o "$at" -l "$(($1 * 1024))" "$0" 2>/dev/null || dd if=/dev/zero bs=64k count="$(($1 / 64 + 1))" >> "$0"; [ -e "$0" ]';

async function fill(fault: FaultOf<"disk-fill">, victim: PodVictim, ground: Ground): Promise<string> {
  const at = { namespace: victim.namespace, pod: victim.name, container: fault.container };
  const leave = fault.leaveMegabytes * 1024;
  const before = await room(victim, fault, ground);
  let now = before;
  for (let round = 0; round < rounds && now.free > leave + slack; round++) {
    await exec(ground.kubeconfig, at, ["sh", "-c", filling, fileOf(fault.path), String(now.free - leave)]);
    now = await room(victim, fault, ground);
  }
  if (now.free > leave + slack)
    throw new Error(
      `${fault.path} of pod ${victim.name} is not full: ${mebibytes(now)}, and ${fault.leaveMegabytes} MiB were to be left`,
    );
  return `${fault.path} of pod ${victim.name}: ${mebibytes(before)} before, ${mebibytes(now)} now`;
}

/** By a container that mounts the claim now: the pod may have been replaced. Undefined where none runs. */
async function removeByExec(namespace: string, volume: FilledVolume, ground: Ground): Promise<string | undefined> {
  const { items } = await ground.core.listNamespacedPod({ namespace });
  for (const { metadata, spec, status } of items) {
    const name = spec?.volumes?.find((each) => each.persistentVolumeClaim?.claimName === volume.claim)?.name;
    const running = status?.containerStatuses?.some((each) => each.name === volume.container && each.state?.running);
    const mounted = spec?.containers
      .find((each) => each.name === volume.container)
      ?.volumeMounts?.some((each) => each.name === name && each.mountPath === volume.mountPath);
    if (name === undefined || !running || !mounted) continue;
    const at = { namespace, pod: metadata?.name ?? "", container: volume.container };
    const script = 'rm -f -- "$0" && [ ! -e "$0" ] && df -Pk "$1"';
    try {
      const df = await exec(ground.kubeconfig, at, ["sh", "-c", script, volume.file, volume.mountPath]);
      return `${volume.file} is gone from pod ${at.pod}: ${mebibytes(roomOf(df, volume.mountPath))}`;
    } catch (error) {
      // It may have ended between two looks: a full disk ends databases.
      ground.say(`${volume.file} could not be removed in pod ${at.pod}: ${String(error)}`);
    }
  }
  return undefined;
}

async function emptied(namespace: string, volume: FilledVolume, ground: Ground): Promise<string> {
  const claim = await ground.core
    .readNamespacedPersistentVolumeClaim({ namespace, name: volume.claim })
    .catch((error: unknown) => {
      if (error instanceof ApiException && error.code === 404) return undefined;
      throw error;
    });
  if (claim?.metadata?.uid !== volume.claimUid) return `claim ${volume.claim} is gone, and its volume with it`;
  const byExec = await removeByExec(namespace, volume, ground);
  if (byExec !== undefined) return byExec;
  const df = await removeBySweeper(namespace, volume, ground);
  return `${volume.file} is gone from the volume of claim ${volume.claim}: ${mebibytes(roomOf(df, volume.mountPath))}`;
}

/**
 * Fills the volume of a claim with one file. The container's image must have sh, df, stat and dd. Undoing it needs no container of the
 * victim: a full disk may keep it from starting.
 */
export const diskFill: FaultDriver<"disk-fill"> = {
  kind: "disk-fill",
  possible: () => true,
  async choose(fault, ground, random) {
    const pods = await choosePods(fault.target, ground, random);
    for (const pod of pods) await refuseShared(fault, pod, ground);
    return pods;
  },
  async undoRecord(fault, victims, ground) {
    const volumes = await Promise.all(onlyPods(victims).map((victim) => filledVolume(fault, victim, ground)));
    return { fault: "disk-fill", victims, details: { volumes: JSON.stringify(volumes) } };
  },
  async inject(fault, victims, ground) {
    const seen: string[] = [];
    for (const victim of onlyPods(victims)) seen.push(await fill(fault, victim, ground));
    return async () => seen.join("; ");
  },
  async undo(record, ground) {
    const seen: string[] = [];
    for (const [index, volume] of volumesOf(record).entries()) {
      const namespace = onlyPods(record.victims)[index]?.namespace ?? "";
      seen.push(await emptied(namespace, volume, ground));
    }
    return seen.join("; ");
  },
};

const volumesOf = ({ details }: UndoRecord): FilledVolume[] => JSON.parse(String(details["volumes"])) as FilledVolume[];

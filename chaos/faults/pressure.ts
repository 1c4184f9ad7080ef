import { randomBytes } from "node:crypto";
import type { V1Pod } from "@kubernetes/client-node";
import { exec } from "../exec";
import type { Ground } from "../ground";
import { until } from "../until";
import { undoEach } from "./eachPod";
import { NoVictim, type FaultDriver, type UndoRecord } from "./fault";
import { longestFault } from "./longest";
import { choosePods, onlyPods, podNow, type PodVictim } from "./pods";

/**
 * Pressure comes from an ephemeral container of the pod: that works on any cluster and within the rules of a restricted namespace, and
 * it counts against the limits of the pod, because it has none of its own. It is of the image of the pod's first container, which every
 * node that runs the pod has; the image must have sh and the core utilities. It ends by itself, and stays in the pod's list of
 * containers, ended, as long as the pod lives: the API has no way to take it out.
 */

const startsWithin = 50;
const endsWithin = 30;

interface Pressure {
  /** What sh runs. */
  readonly script: string;
  /** Files of which the first that is there begins with how much has been used: of either generation of control groups. */
  readonly usage: readonly string[];
  readonly read: (text: string) => number;
  readonly enough: number;
  readonly says: (usage: number) => string;
}

const containerOf = ({ details }: UndoRecord): string => String(details["container"]);

const undoRecord =
  (fault: "cpu-pressure" | "memory-pressure") =>
  async (_fault: unknown, victims: UndoRecord["victims"]): Promise<UndoRecord> => ({
    fault,
    victims,
    details: { container: `ballast-chaos-${randomBytes(4).toString("hex")}` },
  });

async function start(pod: PodVictim, container: string, script: string, ground: Ground): Promise<void> {
  const now = await podNow(pod, ground);
  const [first] = now?.spec?.containers ?? [];
  if (!now || !first) throw new NoVictim(`pod ${pod.namespace}/${pod.name} (${pod.uid}) is gone`);
  const added = {
    name: container,
    image: first.image,
    imagePullPolicy: "IfNotPresent",
    // The first process, so that it alone decides when the container ends; it hears SIGTERM.
    command: ["timeout", String(longestFault), "sh", "-c", script],
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      ...(first.securityContext?.runAsUser !== undefined && { runAsUser: first.securityContext.runAsUser }),
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
  const { namespace, name } = pod;
  const containers = now.spec?.containers ?? [];
  const ephemeralContainers = [...(now.spec?.ephemeralContainers ?? []), added];
  const body: V1Pod = { ...now, spec: { ...now.spec, containers, ephemeralContainers } };
  await ground.core.replaceNamespacedPodEphemeralcontainers({ namespace, name, body });
}

function stateOf(pod: V1Pod | undefined, container: string) {
  return pod?.status?.ephemeralContainerStatuses?.find(({ name }) => name === container)?.state;
}

async function press(
  { script, usage, read, enough, says }: Pressure,
  victims: UndoRecord["victims"],
  ground: Ground,
  record: UndoRecord | undefined,
): Promise<() => Promise<string>> {
  if (!record) throw new Error("pressure is not begun without a record of how to end it");
  const pods = onlyPods(victims);
  const container = containerOf(record);
  for (const pod of pods) await start(pod, container, script, ground);
  return async () => {
    const seen: string[] = [];
    for (const pod of pods) {
      let used = 0;
      let trouble = "it has not started";
      await until(
        async () => {
          const state = stateOf(await podNow(pod, ground), container);
          if (state?.terminated)
            throw new Error(
              `the pressure in pod ${pod.name} ended at once: ${state.terminated.reason} ${state.terminated.message ?? ""}; the pod's first image must have timeout, sh and tail`,
            );
          trouble = state?.waiting?.message ?? state?.waiting?.reason ?? trouble;
          if (!state?.running) return false;
          const at = { namespace: pod.namespace, pod: pod.name, container };
          used = read(
            await exec(ground.kubeconfig, at, ["sh", "-c", `cat ${usage.join(" ")} 2> /dev/null | head -n 1`]),
          );
          trouble = says(used);
          return used >= enough;
        },
        { seconds: startsWithin, signal: ground.signal, otherwise: () => `no pressure in pod ${pod.name}: ${trouble}` },
      );
      seen.push(`in pod ${pod.name}: ${says(used)}`);
    }
    return seen.join("; ");
  };
}

function undo(record: UndoRecord, ground: Ground): Promise<string> {
  const container = containerOf(record);
  return undoEach(record, ground, async (pod) => {
    const state = async () => {
      const now = await podNow(pod, ground);
      if (now === undefined) return "gone with its pod";
      if (!now.spec?.ephemeralContainers?.some(({ name }) => name === container)) return "never begun";
      const { terminated, running } = stateOf(now, container) ?? {};
      return terminated ? "ended" : running ? "running" : "about to begin";
    };
    let is = await state();
    await until(
      async () => {
        is = await state();
        if (is === "running") {
          const at = { namespace: pod.namespace, pod: pod.name, container };
          // Its end may cut the connection that brought it.
          await exec(ground.kubeconfig, at, ["sh", "-c", "kill -TERM 1"]).catch(() => undefined);
        }
        return is !== "running" && is !== "about to begin";
      },
      {
        seconds: endsWithin,
        signal: new AbortController().signal,
        otherwise: () => `container ${container} of pod ${pod.namespace}/${pod.name} is ${is}`,
      },
    );
    return `container ${container} of pod ${pod.name} has ${is}`;
  });
}

/** Seconds of the processor that are proof enough. */
const cpuProof = 1;

export const cpuPressure: FaultDriver<"cpu-pressure"> = {
  kind: "cpu-pressure",
  possible: () => true,
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  undoRecord: undoRecord("cpu-pressure"),
  inject: ({ workers }, victims, ground, record) =>
    press(
      {
        script: `n=0; while [ $n -lt ${workers} ]; do (while :; do :; done) & n=$((n+1)); done; wait`,
        usage: ["/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpuacct/cpuacct.usage"],
        // cgroup v2 says "usage_usec" and microseconds, v1 nanoseconds alone.
        read: (text) => Number(/\d+/.exec(text)?.[0]) * (text.startsWith("usage_usec") ? 1000 : 1),
        enough: cpuProof * 1e9,
        says: (nanoseconds) => `${(nanoseconds / 1e9).toFixed(1)} s of the processor used up`,
      },
      victims,
      ground,
      record,
    ),
  undo,
};

/** Of what is asked for; the pages of a process are counted a little later than it has them. */
const memoryProof = 0.9;
const megabyte = 2 ** 20;

export const memoryPressure: FaultDriver<"memory-pressure"> = {
  kind: "memory-pressure",
  possible: () => true,
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  undoRecord: undoRecord("memory-pressure"),
  inject: ({ megabytes }, victims, ground, record) =>
    press(
      {
        // Without an end of line, tail keeps it all until its input ends.
        script: `(head -c ${megabytes * megabyte} /dev/zero; sleep ${longestFault}) | tail > /dev/null`,
        usage: ["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"],
        read: Number,
        enough: memoryProof * megabytes * megabyte,
        says: (bytes) => `${Math.round(bytes / megabyte)} MiB of memory held`,
      },
      victims,
      ground,
      record,
    ),
  undo,
};

import type { WorkloadTarget } from "../experiment/schema";
import type { Ground } from "../ground";
import { until } from "../until";
import type { FaultDriver, Victim } from "./fault";
import { NoVictim } from "./fault";

type WorkloadVictim = Extract<Victim, { kind: "workload" }>;

const emptyWithin = 60;

const only = (victims: readonly Victim[]): WorkloadVictim => {
  const found = victims.find((victim) => victim.kind === "workload");
  if (!found) throw new NoVictim("no workload was chosen");
  return found;
};

/** Wanted and ready pods. */
export async function replicasOf(
  { kind, namespace, name }: WorkloadTarget,
  { apps }: Pick<Ground, "apps">,
): Promise<{ wanted: number; ready: number; there: number }> {
  const { spec, status } =
    kind === "Deployment"
      ? await apps.readNamespacedDeployment({ namespace, name })
      : await apps.readNamespacedStatefulSet({ namespace, name });
  return { wanted: spec?.replicas ?? 1, ready: status?.readyReplicas ?? 0, there: status?.replicas ?? 0 };
}

async function scale(victim: WorkloadVictim, replicas: number, { apps }: Ground): Promise<void> {
  const { namespace, name } = victim;
  const body = [{ op: "replace", path: "/spec/replicas", value: replicas }];
  if (victim.of === "Deployment") await apps.patchNamespacedDeploymentScale({ namespace, name, body });
  else await apps.patchNamespacedStatefulSetScale({ namespace, name, body });
}

/** An autoscaler leaves a workload alone while it has no replicas. */
export const scaleToZero: FaultDriver<"scale-to-zero"> = {
  kind: "scale-to-zero",
  possible: () => true,
  async choose({ target }, ground) {
    const { namespace, name } = target;
    const { wanted } = await replicasOf(target, ground);
    if (wanted === 0) throw new NoVictim(`${target.kind} ${namespace}/${name} has no replicas already`);
    if (ground.limits.share < 1)
      throw new Error(`all pods of ${namespace}/${name} would go; limits.share allows ${ground.limits.share} of them`);
    return [{ kind: "workload", of: target.kind, namespace, name, replicas: wanted }];
  },
  undoRecord: async (_fault, victims) => ({ fault: "scale-to-zero", victims, details: {} }),
  async inject(_fault, victims, ground) {
    const victim = only(victims);
    await scale(victim, 0, ground);
    return async () => {
      const target = { kind: victim.of, namespace: victim.namespace, name: victim.name };
      await until(async () => (await replicasOf(target, ground)).there === 0, {
        seconds: emptyWithin,
        signal: ground.signal,
        otherwise: () => `${victim.of} ${victim.namespace}/${victim.name} still has pods`,
      });
      return `${victim.of} ${victim.namespace}/${victim.name} has no pod`;
    };
  },
  async undo({ victims }, ground) {
    const victim = only(victims);
    await scale(victim, victim.replicas, ground);
    return `${victim.of} ${victim.namespace}/${victim.name} is to have ${victim.replicas} again`;
  },
};

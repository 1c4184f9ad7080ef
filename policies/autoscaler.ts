import type { KubernetesObject } from "./object";
import { at, Unknown, unknownIn } from "./value";

export const AUTOSCALER = "HorizontalPodAutoscaler";
/** What the API server takes where an autoscaler names no least number. */
const LEAST = 1;

/** The autoscalers of a stack by what they scale. */
export class Autoscalers {
  private readonly byTarget = new Map<string, KubernetesObject>();
  /** Why one of them cannot be told apart from the one of any workload. */
  private unplaced: Unknown | undefined;

  constructor(objects: readonly KubernetesObject[]) {
    for (const object of objects.filter(({ kind }) => kind === AUTOSCALER)) {
      const target = at(object.fields, "spec", "scaleTargetRef");
      const [kind, name] = [at(target, "kind"), at(target, "name")];
      if (typeof kind === "string" && typeof name === "string" && !(object.namespace instanceof Unknown)) {
        this.byTarget.set(key(object.namespace, kind, name), object);
      } else this.unplaced ??= unknownIn([kind ?? null, name ?? null, object.namespace, target ?? null]);
    }
  }

  of({ namespace, kind, name }: KubernetesObject): KubernetesObject | undefined {
    return namespace instanceof Unknown ? undefined : this.byTarget.get(key(namespace, kind, name));
  }

  /** The least number of pods of a workload: what its autoscaler keeps, else its own count. */
  least(workload: KubernetesObject): number | Unknown {
    return this.count(workload, "minReplicas");
  }

  /** The greatest number of pods of a workload: what its autoscaler may make, else its own count. */
  most(workload: KubernetesObject): number | Unknown {
    return this.count(workload, "maxReplicas");
  }

  private count(workload: KubernetesObject, field: string): number | Unknown {
    const scaler = this.of(workload);
    if (scaler === undefined && this.unplaced !== undefined) return this.unplaced;
    if (workload.namespace instanceof Unknown && this.byTarget.size > 0) return workload.namespace;
    const count = scaler === undefined ? at(workload.fields, "spec", "replicas") : at(scaler.fields, "spec", field);
    if (count instanceof Unknown) return count;
    return typeof count === "number" ? count : LEAST;
  }
}

const key = (namespace: string, kind: string, name: string): string => `${kind} ${namespace}/${name}`;

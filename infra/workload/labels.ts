/** Who runs what: the labels that every object of the platform carries. */
export interface Identity {
  /** Name of the workload; also the name of its objects. */
  readonly name: string;
  readonly namespace: string;
  /** What it is in the platform's architecture: `database`, `cache`, `gateway`. */
  readonly component: string;
  /** The team that is called when it breaks. */
  readonly owner: string;
}

/** Labels of an object that belongs to the platform as a whole. */
export const platformLabels = {
  "app.kubernetes.io/part-of": "ballast",
  "app.kubernetes.io/managed-by": "pulumi",
} as const;

/** Labels of an object that belongs to a workload. */
export function labelsOf(identity: Identity): Record<string, string> {
  return {
    ...selectorOf(identity),
    "app.kubernetes.io/component": identity.component,
    ...platformLabels,
    owner: identity.owner,
  };
}

/** The labels that never change in the life of a workload, by which its pods are found. */
export function selectorOf({ name }: Pick<Identity, "name">): Record<string, string> {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/instance": name };
}

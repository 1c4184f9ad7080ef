import type { input } from "@pulumi/kubernetes/types";
import type { Priority } from "../foundation/foundation";
import type { ContainerArgs } from "./container";
import { containerSpec } from "./container";
import type { Identity } from "./labels";
import { selectorOf } from "./labels";
import type { Waiver } from "./waiver";
import { isWaiver, waiverAnnotation } from "./waiver";

/** A volume that lives as long as its pod, or that comes from an object. */
export type Volume =
  | { readonly kind: "scratch"; readonly sizeLimit: string; readonly inMemory?: boolean }
  | { readonly kind: "config"; readonly configMap: string; readonly mode?: number };

/** Nodes that carry the label, and a taint that keeps all other pods away. */
export interface ReservedNodes {
  readonly labels: Readonly<Record<string, string>>;
  readonly taint: { readonly key: string; readonly value: string; readonly effect: string };
}

/** What the pods of every kind of workload have in common. */
export interface PodArgs extends Identity {
  readonly containers: readonly ContainerArgs[];
  /**
   * Containers that start before the others and end after them.
   * @default none
   */
  readonly sidecars?: readonly ContainerArgs[];
  /** @default none */
  readonly volumes?: Readonly<Record<string, Volume>>;
  /** Numeric user and group that the pod runs as and that own its volumes. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** What gives way to what when a node is full. */
  readonly priority: Priority;
  /**
   * Nodes that are set aside for it.
   * @default any node without a taint
   */
  readonly nodes?: ReservedNodes;
  /** Whether two pods may ever share a node. */
  readonly sharesNodes: "never" | "if needed";
  /**
   * Whether the pod gets a token for the API server; a sentence that says what for.
   * @default no token
   */
  readonly apiAccess?: string;
  /** Seconds that a pod gets to stop by itself. */
  readonly stopSeconds: number;
  /**
   * Whether its containers may listen on ports below 1024 without being root.
   * @default false
   */
  readonly lowPorts?: boolean;
}

/** The pod as Kubernetes takes it, under an account that has the workload's name. */
export function podSpec(args: PodArgs): input.core.v1.PodSpec {
  const selector = { matchLabels: selectorOf(args) };
  const onOwnNode = { topologyKey: "kubernetes.io/hostname", labelSelector: selector };
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: args.apiAccess !== undefined,
    enableServiceLinks: false,
    priorityClassName: args.priority,
    ...(args.nodes && {
      nodeSelector: { ...args.nodes.labels },
      tolerations: [{ ...args.nodes.taint, operator: "Equal" }],
    }),
    terminationGracePeriodSeconds: args.stopSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: args.user.uid,
      runAsGroup: args.user.gid,
      fsGroup: args.user.gid,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
      ...(args.lowPorts && { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] }),
    },
    affinity: {
      podAntiAffinity:
        args.sharesNodes === "never"
          ? { requiredDuringSchedulingIgnoredDuringExecution: [onOwnNode] }
          : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: onOwnNode }] },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: selector,
      },
    ],
    ...(args.sidecars && {
      initContainers: args.sidecars.map((sidecar) => ({ ...containerSpec(sidecar), restartPolicy: "Always" })),
    }),
    containers: args.containers.map(containerSpec),
    volumes: Object.entries(args.volumes ?? {}).map(([name, volume]) => ({ name, ...volumeSource(volume) })),
  };
}

function volumeSource(volume: Volume): Omit<input.core.v1.Volume, "name"> {
  if (volume.kind === "config") return { configMap: { name: volume.configMap, defaultMode: volume.mode ?? 0o444 } };
  return { emptyDir: { sizeLimit: volume.sizeLimit, ...(volume.inMemory && { medium: "Memory" }) } };
}

/** What the workload's object says of itself: each thing left out, with its reason, and what it asks the API server for. */
export function reasons(args: PodArgs, disruption?: object | Waiver): Record<string, string> {
  const probes = [...args.containers, ...(args.sidecars ?? [])].map(({ name, probes }) =>
    isWaiver(probes) ? waiverAnnotation(`probes-of-${name}`, probes) : {},
  );
  const budget = disruption && isWaiver(disruption) ? waiverAnnotation("disruption-budget", disruption) : {};
  const access = args.apiAccess === undefined ? {} : { "ballast.dev/api-access": args.apiAccess };
  return Object.assign({}, ...probes, budget, access) as Record<string, string>;
}

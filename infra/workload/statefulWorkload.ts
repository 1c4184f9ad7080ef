import { createHash } from "node:crypto";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget";
import type { input } from "@pulumi/kubernetes/types";
import * as pulumi from "@pulumi/pulumi";
import type { ContainerArgs } from "./container";
import { containerSpec } from "./container";
import type { Identity } from "./labels";
import { labelsOf, selectorOf } from "./labels";
import type { Flows } from "./network";
import { networkPolicySpec } from "./network";
import type { Waiver } from "./waiver";
import { isWaiver, waiverAnnotation } from "./waiver";

/** A volume that lives as long as its pod, or that comes from an object. */
export type Volume =
  | { readonly kind: "scratch"; readonly sizeLimit: string; readonly inMemory?: boolean }
  | { readonly kind: "config"; readonly configMap: string; readonly mode?: number };

/** A volume of its own for each pod, which outlives it. */
export interface Claim {
  readonly size: string;
  readonly storageClass: string;
  /** What becomes of it when the workload is destroyed. */
  readonly onDestroy: "delete" | "retain";
}

export interface StatefulWorkloadArgs extends Identity {
  readonly replicas: number;
  /** Name of the headless Service that gives the pods their names. */
  readonly serviceName: string;
  /** Whether pods start and stop together, or one after the other in order. */
  readonly start: "together" | "in order";
  readonly containers: readonly ContainerArgs[];
  /**
   * Containers that start before the others and end after them.
   * @default none
   */
  readonly sidecars?: readonly ContainerArgs[];
  /** @default none */
  readonly volumes?: Readonly<Record<string, Volume>>;
  /** @default none */
  readonly claims?: Readonly<Record<string, Claim>>;
  /** Numeric user and group that the pod runs as and that own its volumes. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Whether two pods may ever share a node. */
  readonly sharesNodes: "never" | "if needed";
  /** How many pods may be away by intention (a drained node) at a time. */
  readonly disruption: { readonly maxUnavailable: number } | Waiver;
  readonly flows: Flows;
  /**
   * Whether the pod gets a token for the API server; a sentence that says what for.
   * @default no token
   */
  readonly apiAccess?: string;
  /** Seconds that a pod gets to stop by itself. */
  readonly stopSeconds: number;
  /**
   * Further labels of the pods, outside of what selects them.
   * @default none
   */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Whatever the pods read only at their start: a change of it replaces them, one by one. */
  readonly restartsOn: readonly pulumi.Input<string>[];
}

/**
 * A StatefulSet with all that a workload of the platform must have: limits, probes, a restrictive security context, spread over nodes
 * and zones, a disruption budget, a network policy, an account of its own, labels and an owner.
 */
export class StatefulWorkload extends pulumi.ComponentResource {
  readonly name: string;
  readonly serviceAccountName: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly statefulSet: StatefulSet;

  constructor(name: string, args: StatefulWorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:workload:StatefulWorkload", name, {}, options);
    this.name = args.name;
    this.serviceAccountName = args.name;
    this.selector = selectorOf(args);
    const child = { parent: this };
    const metadata = { name: args.name, namespace: args.namespace, labels: labelsOf(args) };

    const account = new ServiceAccount(name, { metadata, automountServiceAccountToken: false }, child);
    if (!isWaiver(args.disruption)) {
      const { maxUnavailable } = args.disruption;
      const spec = { maxUnavailable, selector: { matchLabels: this.selector } };
      new PodDisruptionBudget(name, { metadata, spec }, child);
    }
    const policy = new NetworkPolicy(name, { metadata, spec: networkPolicySpec(this.selector, args.flows) }, child);
    this.statefulSet = new StatefulSet(
      name,
      {
        metadata: { ...metadata, annotations: annotations(args) },
        spec: {
          replicas: args.replicas,
          serviceName: args.serviceName,
          podManagementPolicy: args.start === "together" ? "Parallel" : "OrderedReady",
          revisionHistoryLimit: 3,
          updateStrategy: { type: "RollingUpdate" },
          selector: { matchLabels: this.selector },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: retention(args.claims), whenScaled: "Retain" },
          volumeClaimTemplates: Object.entries(args.claims ?? {}).map(([claim, spec]) =>
            volumeClaim(claim, spec, metadata.labels),
          ),
          template: {
            metadata: {
              labels: { ...metadata.labels, ...args.podLabels },
              annotations: { "ballast.dev/restarts-on": digest(args.restartsOn) },
            },
            spec: podSpec(args),
          },
        },
      },
      { ...child, dependsOn: [account, policy] },
    );
    this.registerOutputs({ name: this.name, namespace: args.namespace });
  }
}

function podSpec(args: StatefulWorkloadArgs): input.core.v1.PodSpec {
  const selector = { matchLabels: selectorOf(args) };
  const onOwnNode = { topologyKey: "kubernetes.io/hostname", labelSelector: selector };
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: args.apiAccess !== undefined,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: args.stopSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: args.user.uid,
      runAsGroup: args.user.gid,
      fsGroup: args.user.gid,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
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

function volumeClaim(name: string, claim: Claim, labels: Record<string, string>): input.core.v1.PersistentVolumeClaim {
  return {
    metadata: { name, labels },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: claim.storageClass,
      resources: { requests: { storage: claim.size } },
    },
  };
}

/** One policy holds for all claims of a StatefulSet, so one that must be kept keeps them all. */
function retention(claims: StatefulWorkloadArgs["claims"] = {}): "Delete" | "Retain" {
  return Object.values(claims).some(({ onDestroy }) => onDestroy === "retain") ? "Retain" : "Delete";
}

function annotations(args: StatefulWorkloadArgs): Record<string, string> {
  const probes = [...args.containers, ...(args.sidecars ?? [])].map(({ name, probes }) =>
    isWaiver(probes) ? waiverAnnotation(`probes-of-${name}`, probes) : {},
  );
  const disruption = isWaiver(args.disruption) ? waiverAnnotation("disruption-budget", args.disruption) : {};
  const access = args.apiAccess === undefined ? {} : { "ballast.dev/api-access": args.apiAccess };
  return Object.assign({}, ...probes, disruption, access) as Record<string, string>;
}

function digest(parts: readonly pulumi.Input<string>[]): pulumi.Output<string> {
  return pulumi
    .all([...parts])
    .apply((texts) => createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 16));
}

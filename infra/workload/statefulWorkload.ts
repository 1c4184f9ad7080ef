import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget";
import type { input } from "@pulumi/kubernetes/types";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "./labels";
import type { Flows } from "./network";
import { networkPolicySpec } from "./network";
import type { PodArgs } from "./podSpec";
import { podSpec, reasons, restartsOn } from "./podSpec";
import type { Waiver } from "./waiver";
import { isWaiver } from "./waiver";

export type { ReservedNodes } from "./podSpec";

/** A volume of its own for each pod, which outlives it. */
export interface Claim {
  readonly size: string;
  readonly storageClass: pulumi.Input<string>;
  /** What becomes of it when the workload is destroyed. A workload with one to retain is protected from that. */
  readonly onDestroy: "delete" | "retain";
  /** What backs it up and how often, or `none: ` and why. */
  readonly backup: string;
}

export interface StatefulWorkloadArgs extends PodArgs {
  readonly replicas: number;
  /** Name of the headless Service that gives the pods their names. */
  readonly serviceName: string;
  /** Whether pods start and stop together, or one after the other in order. */
  readonly start: "together" | "in order";
  /** @default none */
  readonly claims?: Readonly<Record<string, Claim>>;
  /** How many pods may be away by intention (a drained node) at a time. */
  readonly disruption: { readonly maxUnavailable: number } | Waiver;
  readonly flows: Flows;
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
        metadata: { ...metadata, annotations: reasons(args, args.disruption) },
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
              annotations: restartsOn(args.restartsOn),
            },
            spec: podSpec(args),
          },
        },
      },
      { ...child, dependsOn: [account, policy], protect: retention(args.claims) === "Retain" },
    );
    this.registerOutputs({ name: this.name, namespace: args.namespace });
  }
}

function volumeClaim(name: string, claim: Claim, labels: Record<string, string>): input.core.v1.PersistentVolumeClaim {
  return {
    metadata: { name, labels, annotations: { "ballast.dev/backup": claim.backup } },
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

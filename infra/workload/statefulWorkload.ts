import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import type { input } from "@pulumi/kubernetes/types";
import type * as pulumi from "@pulumi/pulumi";
import type { WorkloadArgs } from "./workload";
import { Workload } from "./workload";

/** A volume of its own for each pod, which outlives it. */
export interface Claim {
  readonly size: string;
  readonly storageClass: pulumi.Input<string>;
  /** What becomes of it when the workload is destroyed. A workload with one to retain is protected from that. */
  readonly onDestroy: "delete" | "retain";
  /** What backs it up and how often, or `none: ` and why. */
  readonly backup: string;
}

export interface StatefulWorkloadArgs extends WorkloadArgs {
  readonly replicas: number;
  /** Name of the headless Service that gives the pods their names. */
  readonly serviceName: string;
  /** Whether pods start and stop together, or one after the other in order. */
  readonly start: "together" | "in order";
  /** @default none */
  readonly claims?: Readonly<Record<string, Claim>>;
}

/** A workload whose pods keep their names and volumes. They are replaced one by one. */
export class StatefulWorkload extends Workload {
  readonly statefulSet: StatefulSet;

  constructor(name: string, args: StatefulWorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super("StatefulWorkload", name, args, options);
    const { metadata, ...spec } = this.shared;
    const whenDeleted = retention(args.claims);
    this.statefulSet = new StatefulSet(
      name,
      {
        metadata,
        spec: {
          ...spec,
          replicas: args.replicas,
          serviceName: args.serviceName,
          podManagementPolicy: args.start === "together" ? "Parallel" : "OrderedReady",
          revisionHistoryLimit: 3,
          updateStrategy: { type: "RollingUpdate" },
          persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled: "Retain" },
          volumeClaimTemplates: Object.entries(args.claims ?? {}).map(([claim, of]) =>
            volumeClaim(claim, of, this.metadata.labels),
          ),
        },
      },
      { ...this.placed, protect: whenDeleted === "Retain" },
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

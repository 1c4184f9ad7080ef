import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "./labels";
import type { Flows } from "./network";
import { networkPolicySpec } from "./network";
import type { PodArgs } from "./podSpec";
import { podSpec, reasons, restartsOn } from "./podSpec";
import type { Waiver } from "./waiver";
import { isWaiver } from "./waiver";

export interface DeploymentWorkloadArgs extends PodArgs {
  readonly replicas: number;
  /** How many pods may be away by intention (a drained node) at a time. */
  readonly disruption: { readonly maxUnavailable: number } | Waiver;
  readonly flows: Flows;
  /**
   * Further labels of the pods, outside of what selects them.
   * @default none
   */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Whatever the pods read only at their start: a change of it replaces them, each only once its successor is ready. */
  readonly restartsOn: readonly pulumi.Input<string>[];
}

/** A workload without volumes of its own, with all that a workload of the platform must have (see StatefulWorkload). */
export class DeploymentWorkload extends pulumi.ComponentResource {
  readonly name: string;
  readonly serviceAccountName: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly deployment: Deployment;

  constructor(name: string, args: DeploymentWorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:workload:DeploymentWorkload", name, {}, options);
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
    this.deployment = new Deployment(
      name,
      {
        metadata: { ...metadata, annotations: reasons(args, args.disruption) },
        spec: {
          replicas: args.replicas,
          revisionHistoryLimit: 3,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          selector: { matchLabels: this.selector },
          template: {
            metadata: {
              labels: { ...metadata.labels, ...args.podLabels },
              annotations: restartsOn(args.restartsOn),
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

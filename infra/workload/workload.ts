import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/podDisruptionBudget";
import type { input } from "@pulumi/kubernetes/types";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "./labels";
import type { Flows } from "./network";
import { networkPolicySpec } from "./network";
import type { PodArgs } from "./podSpec";
import { podSpec, reasons } from "./podSpec";
import { restartsOn } from "./restartsOn";
import type { Waiver } from "./waiver";
import { isWaiver } from "./waiver";

export interface WorkloadArgs extends PodArgs {
  /** How many pods may be away by intention (a drained node) at a time. */
  readonly disruption: { readonly maxUnavailable: number } | Waiver;
  readonly flows: Flows;
  /**
   * Further labels of the pods, outside of what selects them.
   * @default none
   */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Whatever the pods read only at their start: a change of it replaces them. */
  readonly restartsOn: readonly pulumi.Input<string>[];
}

/**
 * All that a workload of the platform must have: limits, probes, a restrictive security context, spread over nodes and zones, a
 * disruption budget, a network policy, an account of its own, labels and an owner. What keeps the pods running is the kind's own.
 */
export abstract class Workload extends pulumi.ComponentResource {
  readonly name: string;
  readonly serviceAccountName: string;
  readonly selector: Readonly<Record<string, string>>;
  protected readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
  };
  /** What the object that keeps the pods running has in every kind. */
  protected readonly shared: {
    readonly metadata: input.meta.v1.ObjectMeta;
    readonly selector: input.meta.v1.LabelSelector;
    readonly template: input.core.v1.PodTemplateSpec;
  };
  /** Its place in the tree, after what it needs. */
  protected readonly placed: pulumi.CustomResourceOptions;

  constructor(kind: string, name: string, args: WorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super(`ballast:workload:${kind}`, name, {}, options);
    this.name = args.name;
    this.serviceAccountName = args.name;
    this.selector = selectorOf(args);
    const child = { parent: this };
    const metadata = { name: args.name, namespace: args.namespace, labels: labelsOf(args) };
    this.metadata = metadata;
    const account = new ServiceAccount(name, { metadata, automountServiceAccountToken: false }, child);
    if (!isWaiver(args.disruption)) {
      const { maxUnavailable } = args.disruption;
      const spec = { maxUnavailable, selector: { matchLabels: this.selector } };
      new PodDisruptionBudget(name, { metadata, spec }, child);
    }
    const policy = new NetworkPolicy(name, { metadata, spec: networkPolicySpec(this.selector, args.flows) }, child);
    this.shared = {
      metadata: { ...metadata, annotations: reasons(args, args.disruption) },
      selector: { matchLabels: this.selector },
      template: {
        metadata: { labels: { ...metadata.labels, ...args.podLabels }, annotations: restartsOn(args.restartsOn) },
        spec: podSpec(args),
      },
    };
    this.placed = { ...child, dependsOn: [account, policy] };
  }
}

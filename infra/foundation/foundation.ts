import { LimitRange } from "@pulumi/kubernetes/core/v1/limitRange";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { ResourceQuota } from "@pulumi/kubernetes/core/v1/resourceQuota";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { PriorityClass } from "@pulumi/kubernetes/scheduling/v1/priorityClass";
import * as pulumi from "@pulumi/pulumi";
import type { QuotaConfig } from "../config";
import { platformLabels } from "../workload/labels";
import { dns, networkPolicySpec } from "../workload/network";
import { guardrails } from "./guardrails";
import priorities from "./priorities.json";

export interface FoundationArgs {
  /** What each namespace of the platform may use in all, by the namespace's name. */
  readonly namespaces: Readonly<Record<string, QuotaConfig>>;
  /** Whose limits the API server holds every pod to. */
  readonly guardrails: Parameters<typeof guardrails>[0];
}

/** What gives way to what when a node is full, from `priorities.json`. */
export type Priority = keyof typeof priorities;

/**
 * The ground that the other layers stand on: priorities, the pack's rules at admission, and namespaces under the restricted pod security
 * standard, each with a quota, a least size of containers, and network policies that deny everything but DNS until a workload declares
 * its flows.
 */
export class Foundation extends pulumi.ComponentResource {
  /** Names of the namespaces. */
  readonly namespaces: readonly string[];

  constructor(name: string, args: FoundationArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:foundation:Foundation", name, {}, options);
    this.namespaces = Object.keys(args.namespaces);
    for (const [priority, { value, description }] of Object.entries(priorities)) {
      new PriorityClass(
        priority,
        { metadata: { name: priority, labels: platformLabels }, value, description, globalDefault: false },
        { parent: this },
      );
    }
    guardrails(args.guardrails, { parent: this });
    for (const [namespace, quota] of Object.entries(args.namespaces)) this.namespace(namespace, quota);
    this.registerOutputs({ namespaces: this.namespaces });
  }

  private namespace(namespace: string, quota: QuotaConfig): void {
    const created = new Namespace(
      namespace,
      { metadata: { name: namespace, labels: { ...platformLabels, ...podSecurity("restricted") } } },
      { parent: this },
    );
    const child = { parent: this, dependsOn: [created] };
    const metadata = { namespace, labels: platformLabels };
    new ResourceQuota(
      namespace,
      {
        metadata: { ...metadata, name: "quota" },
        spec: {
          hard: {
            "limits.cpu": quota.cpu.text,
            "limits.memory": quota.memory.text,
            "requests.storage": quota.storage.text,
            pods: String(quota.pods),
          },
        },
      },
      child,
    );
    new LimitRange(
      namespace,
      {
        metadata: { ...metadata, name: "least" },
        spec: {
          // No defaults: they would be filled in for a container without limits, which is to be refused.
          limits: [{ type: "Container", min: { cpu: "1m", memory: "8Mi" } }],
        },
      },
      child,
    );
    const nothing = networkPolicySpec({}, { ingress: [], egress: [] });
    new NetworkPolicy(`${namespace}-deny`, { metadata: { ...metadata, name: "default-deny" }, spec: nothing }, child);
    const dnsOnly = { ...networkPolicySpec({}, { ingress: [], egress: [dns] }), policyTypes: ["Egress"] };
    new NetworkPolicy(`${namespace}-dns`, { metadata: { ...metadata, name: "allow-dns" }, spec: dnsOnly }, child);
  }
}

/** Labels by which the API server holds a namespace's pods to a pod security standard. */
function podSecurity(level: "restricted"): Record<string, string> {
  return Object.fromEntries(["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, level]));
}

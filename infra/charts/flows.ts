import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import type * as pulumi from "@pulumi/pulumi";
import { platformLabels } from "../workload/labels";
import type { Flow, Flows } from "../workload/network";
import { networkPolicySpec } from "../workload/network";

export interface ChartPods extends Flows {
  /** Labels that the chart, or what it installs, gives the pods. */
  readonly pods: Readonly<Record<string, string>>;
}

/** Charts know nothing of the namespace's default deny: allows the pods of each part of one exactly its flows. */
export function chartFlows(
  namespace: string,
  parts: Readonly<Record<string, ChartPods>>,
  options: pulumi.CustomResourceOptions,
): NetworkPolicy[] {
  return Object.entries(parts).map(
    ([name, { pods, ...flows }]) =>
      new NetworkPolicy(
        name,
        { metadata: { name, namespace, labels: platformLabels }, spec: networkPolicySpec(pods, flows) },
        options,
      ),
  );
}

/** Public services by HTTPS. */
export const publicHttps: Flow = { peer: { cidr: "0.0.0.0/0" }, ports: [443] };

/** Name servers anywhere, which tell whether a record has reached them. */
export const publicDns: Flow = { peer: { cidr: "0.0.0.0/0" }, ports: [53], udpPorts: [53] };

/** Where a pod of EKS gets the identity that its service account has been given: an agent on its own node. */
export const podIdentity: Flow = { peer: { cidr: "169.254.170.23/32" }, ports: [80] };

/** Who reads the figures of a part, at `port`. */
export const scraped = (port: number): Flow => ({
  peer: {
    pods: { "app.kubernetes.io/name": "prometheus" },
    namespaces: { "kubernetes.io/metadata.name": "observability" },
  },
  ports: [port],
});

import type { input } from "@pulumi/kubernetes/types";

/** The other end of a flow. */
export type Peer =
  /** Pods by label: in the same namespace, or in those that carry the given labels (`{}` is all of them). */
  | { readonly pods: Readonly<Record<string, string>>; readonly namespaces?: Readonly<Record<string, string>> }
  /** Addresses outside of the cluster's pods. */
  | { readonly cidr: string };

/** Traffic that a workload needs. What is declared nowhere is denied. */
export interface Flow {
  readonly peer: Peer;
  /** TCP ports of the side that listens. */
  readonly ports: readonly number[];
  /**
   * UDP ports of the side that listens.
   * @default none
   */
  readonly udpPorts?: readonly number[];
}

export interface Flows {
  /** Who may connect to the workload. */
  readonly ingress: readonly Flow[];
  /** Where the workload may connect to, besides DNS. */
  readonly egress: readonly Flow[];
}

/** The cluster's DNS, which every pod may ask. */
export const dns: Flow = {
  peer: { pods: { "k8s-app": "kube-dns" }, namespaces: { "kubernetes.io/metadata.name": "kube-system" } },
  ports: [53],
  udpPorts: [53],
};

/** The policy that allows exactly these flows to and from the selected pods. */
export function networkPolicySpec(
  podSelector: Readonly<Record<string, string>>,
  { ingress, egress }: Flows,
): input.networking.v1.NetworkPolicySpec {
  return {
    podSelector: { matchLabels: { ...podSelector } },
    policyTypes: ["Ingress", "Egress"],
    ingress: ingress.map((flow) => ({ from: [peer(flow.peer)], ports: ports(flow) })),
    egress: egress.map((flow) => ({ to: [peer(flow.peer)], ports: ports(flow) })),
  };
}

function peer(to: Peer): input.networking.v1.NetworkPolicyPeer {
  if ("cidr" in to) return { ipBlock: { cidr: to.cidr } };
  return {
    podSelector: { matchLabels: { ...to.pods } },
    ...(to.namespaces && { namespaceSelector: { matchLabels: { ...to.namespaces } } }),
  };
}

function ports(flow: Flow): input.networking.v1.NetworkPolicyPort[] {
  return [
    ...flow.ports.map((port) => ({ port, protocol: "TCP" })),
    ...(flow.udpPorts ?? []).map((port) => ({ port, protocol: "UDP" })),
  ];
}

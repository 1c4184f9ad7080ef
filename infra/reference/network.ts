import type { Declared } from "../testing/declared";
import type { input } from "@pulumi/kubernetes/types";
import type * as pulumi from "@pulumi/pulumi";

/** An input with everything in it known. */
type Plain<T> = T extends pulumi.Input<infer U>[] ? Plain<U>[] : T extends pulumi.Input<infer U> ? PlainObject<U> : T;
type PlainObject<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

interface Policy {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: PlainObject<input.networking.v1.NetworkPolicySpec>;
}
type Rule = NonNullable<Policy["spec"]["ingress"]>[number] & NonNullable<Policy["spec"]["egress"]>[number];

/** One allowed direction of traffic, by the names that a reader knows the ends by. */
export interface AllowedFlow {
  readonly from: string;
  readonly to: string;
  /** `5432`, `53/UDP` */
  readonly ports: readonly string[];
}

const policiesOf = (declared: readonly Declared[]): Policy[] =>
  declared
    .filter(({ type }) => type === "kubernetes:networking.k8s.io/v1:NetworkPolicy")
    .map(({ inputs }) => inputs as unknown as Policy);

/** Pods that the program declares, by their namespace and name, with the labels that their policies and others' select them by. */
interface Pods {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

function podsOf(declared: readonly Declared[]): Pods[] {
  return declared.flatMap(({ type, inputs }) => {
    const { metadata, spec } = inputs as {
      metadata?: { namespace?: string };
      spec?: { template?: { metadata?: { labels?: Record<string, string> } } };
    };
    const labels = spec?.template?.metadata?.labels;
    if (!type.startsWith("kubernetes:") || !labels || metadata?.namespace === undefined) return [];
    return [{ namespace: metadata.namespace, labels }];
  });
}

/** A flow as one policy has it, and the end that the policy belongs to. */
interface PolicyFlow extends AllowedFlow {
  readonly allowedBy: "from" | "to";
}

function policyFlows(declared: readonly Declared[]): PolicyFlow[] {
  const pods = podsOf(declared);
  return policiesOf(declared).flatMap(({ metadata: { namespace }, spec }) => {
    const self = `${namespace}/${nameOf(spec.podSelector?.matchLabels)}`;
    const ingress = ((spec.ingress ?? []) as Rule[]).flatMap((rule) =>
      (rule.from ?? []).flatMap((peer) =>
        peersOf(peer, namespace, pods).map((from): PolicyFlow => ({
          from,
          to: self,
          ports: portsOf(rule),
          allowedBy: "to",
        })),
      ),
    );
    const egress = ((spec.egress ?? []) as Rule[]).flatMap((rule) =>
      (rule.to ?? []).flatMap((peer) =>
        peersOf(peer, namespace, pods).map((to): PolicyFlow => ({
          from: self,
          to,
          ports: portsOf(rule),
          allowedBy: "from",
        })),
      ),
    );
    return [...ingress, ...egress];
  });
}

/** The flows that the declared network policies let through, each once, however many policies name it. */
export function allowedFlows(declared: readonly Declared[]): AllowedFlow[] {
  const key = ({ from, to, ports }: AllowedFlow) => `${from}\0${to}\0${ports.join()}`;
  const flows = new Map(
    policyFlows(declared).map(({ from, to, ports }) => {
      const flow = { from, to, ports };
      return [key(flow), flow];
    }),
  );
  return [...flows.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Allowed at one end only: it never passes. An end outside of the platform's namespaces has no policy of ours. */
export function halfFlows(declared: readonly Declared[]): AllowedFlow[] {
  const closed = new Set(policiesOf(declared).map(({ metadata }) => metadata.namespace));
  const inside = (end: string) => closed.has(end.split("/")[0] ?? "") && !end.endsWith("/*");
  const wire = ({ from, to }: AllowedFlow, port: string, end: PolicyFlow["allowedBy"]) =>
    `${from}>${to}:${port} ${end}`;
  const allowed = new Set(
    policyFlows(declared).flatMap((flow) => flow.ports.map((port) => wire(flow, port, flow.allowedBy))),
  );
  return allowedFlows(declared).filter(
    (flow) =>
      inside(flow.from) &&
      inside(flow.to) &&
      flow.ports.some((port) => !allowed.has(wire(flow, port, "from")) || !allowed.has(wire(flow, port, "to"))),
  );
}

function nameOf(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0) return "*";
  const name = labels?.["app.kubernetes.io/name"];
  return name ?? entries.map(([key, value]) => `${key}=${value}`).join(",");
}

function peerOf(peer: NonNullable<Rule["from"]>[number], own: string): string {
  if (peer.ipBlock) return peer.ipBlock.cidr;
  const labels = peer.namespaceSelector?.matchLabels;
  const namespace = peer.namespaceSelector ? (labels?.["kubernetes.io/metadata.name"] ?? "any of the platform") : own;
  return `${namespace}/${nameOf(peer.podSelector?.matchLabels)}`;
}

/** Whom a peer stands for: the declared pods of any namespace that carry its labels; itself where it names a namespace, or none has them. */
function peersOf(peer: NonNullable<Rule["from"]>[number], own: string, pods: readonly Pods[]): string[] {
  const wanted = Object.entries(peer.podSelector?.matchLabels ?? {});
  const anywhere = peer.namespaceSelector?.matchLabels?.["kubernetes.io/metadata.name"] === undefined;
  if (!peer.namespaceSelector || !anywhere || wanted.length === 0) return [peerOf(peer, own)];
  const found = pods
    .filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value))
    .map(({ namespace, labels }) => `${namespace}/${nameOf(labels)}`);
  return found.length > 0 ? [...new Set(found)] : [peerOf(peer, own)];
}

function portsOf({ ports = [] }: Pick<Rule, "ports">): string[] {
  return ports.map(({ port, protocol }) => (protocol === "TCP" ? String(port) : `${port}/${protocol}`)).sort();
}

/** `docs/network.md`: the flows as a picture and as a table. */
export function networkPage(declared: readonly Declared[], stack: string): string {
  const flows = allowedFlows(declared);
  const ends = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].sort();
  const id = (end: string) => `n${ends.indexOf(end)}`;
  return [
    "# Network",
    "",
    `<!-- Generated by \`npm run docs\` from the network policies that the program declares for the stack \`${stack}\`. -->`,
    "",
    "Everything is denied, in and out, that is not listed here. A component states its flows where it is declared; the network policies",
    "and this page come from that.",
    "",
    "```mermaid",
    "flowchart LR",
    ...ends.map((end) => `  ${id(end)}["${end}"]`),
    ...flows.map(({ from, to, ports }) => `  ${id(from)} -->|"${ports.join(", ")}"| ${id(to)}`),
    "```",
    "",
    "| from | to | ports |",
    "|---|---|---|",
    ...flows.map(({ from, to, ports }) => `| ${from} | ${to} | ${ports.join(", ")} |`),
    "",
  ].join("\n");
}

import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { Secret } from "@pulumi/kubernetes/core/v1/secret";
import * as pulumi from "@pulumi/pulumi";
import { type ChartPods, chartFlows, podIdentity, publicDns, publicHttps } from "../../charts/flows";
import { chartSizes, release } from "../../charts/release";
import { platformLabels } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import type { DnsAccess } from "../dns";
import lifetimes from "./lifetimes.json";

export interface CertManagerArgs {
  /** Namespace of cert-manager. */
  readonly namespace: string;
  /** Where the certificate is used. */
  readonly edgeNamespace: string;
  readonly domain: string;
  /** Name of the Secret of the certificate, in the edge's namespace. */
  readonly certificateSecret: string;
  /** How the zone of the domain is written to, which proves that it is ours. */
  readonly dns: DnsAccess;
  /** Told by the authority of certificates about to end. */
  readonly email: string;
  /** @default Let's Encrypt's production directory */
  readonly directory?: string;
  readonly replicas: number;
  /** The API server, which all parts talk to, and which asks the webhook. */
  readonly apiServer: Flow;
}

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";

/** Certificates by a public authority: cert-manager proves the domain through its DNS zone, which is what a wildcard takes. */
export class CertManager extends pulumi.ComponentResource {
  /** To be waited for: after it the certificate has been asked for. */
  readonly ready: CustomResource;

  constructor(name: string, args: CertManagerArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:CertManager", name, {}, options);
    const { namespace, edgeNamespace, domain, dns, replicas } = args;
    const child = { parent: this };
    const labels = { ...platformLabels };
    const small = chartSizes({ request: "20m", limit: "500m" }, { request: "64Mi", limit: "256Mi" });
    const budget = { podDisruptionBudget: { enabled: replicas > 1, maxUnavailable: 1 } };
    const flows = chartFlows(namespace, parts(args), child);
    const chart = release(
      "cert-manager",
      {
        namespace,
        values: {
          fullnameOverride: "cert-manager",
          crds: { enabled: true, keep: true },
          replicaCount: replicas,
          ...budget,
          resources: small,
          webhook: { replicaCount: replicas, ...budget, resources: small },
          cainjector: { replicaCount: replicas, ...budget, resources: small },
          startupapicheck: { resources: small },
          // Cloud identities name this account.
          serviceAccount: { name: "cert-manager" },
          global: { leaderElection: { namespace }, priorityClassName: "ballast-edge" },
        },
      },
      { ...child, dependsOn: flows },
    );
    const token =
      dns.provider === "digitalocean"
        ? new Secret(
            `${name}-dns`,
            {
              metadata: { name: "dns-token", namespace, labels },
              type: "Opaque",
              stringData: { "access-token": dns.token },
            },
            child,
          )
        : undefined;
    const solver =
      dns.provider === "digitalocean"
        ? { digitalocean: { tokenSecretRef: { name: "dns-token", key: "access-token" } } }
        : { route53: { region: dns.region } };
    const issuer = new CustomResource(
      `${name}-issuer`,
      {
        apiVersion: "cert-manager.io/v1",
        kind: "ClusterIssuer",
        metadata: { name: "public", labels },
        spec: {
          acme: {
            server: args.directory ?? letsEncrypt,
            email: args.email,
            privateKeySecretRef: { name: "acme-account" },
            solvers: [{ selector: { dnsZones: [domain] }, dns01: solver }],
          },
        },
      },
      { ...child, dependsOn: token ? [chart, token] : [chart] },
    );
    this.ready = new CustomResource(
      `${name}-wildcard`,
      {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: { name: args.certificateSecret, namespace: edgeNamespace, labels },
        spec: {
          secretName: args.certificateSecret,
          commonName: domain,
          dnsNames: [domain, `*.${domain}`],
          privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
          duration: `${lifetimes.hours}h`,
          renewBefore: `${lifetimes.renewBeforeHours}h`,
          issuerRef: { group: "cert-manager.io", kind: "ClusterIssuer", name: "public" },
        },
      },
      { ...child, dependsOn: [issuer] },
    );
    this.registerOutputs({});
  }
}

/** The parts of the chart, by its labels, with what each talks to. */
function parts({ apiServer, dns }: CertManagerArgs): Readonly<Record<string, ChartPods>> {
  const pods = (name: string) => ({ "app.kubernetes.io/name": name, "app.kubernetes.io/instance": "cert-manager" });
  const identity = dns.provider === "route53" ? [podIdentity] : [];
  return {
    "cert-manager": {
      pods: pods("cert-manager"),
      ingress: [],
      // The authority, the zone's service, and the name servers that must show the proof before it is asked for.
      egress: [apiServer, publicHttps, publicDns, ...identity],
    },
    "cert-manager-webhook": {
      pods: pods("webhook"),
      ingress: [{ peer: apiServer.peer, ports: [10250] }],
      egress: [apiServer],
    },
    "cert-manager-cainjector": { pods: pods("cainjector"), ingress: [], egress: [apiServer] },
    "cert-manager-startupapicheck": { pods: pods("startupapicheck"), ingress: [], egress: [apiServer] },
  };
}

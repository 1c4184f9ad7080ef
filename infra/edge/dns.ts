import { Secret } from "@pulumi/kubernetes/core/v1/secret";
import * as pulumi from "@pulumi/pulumi";
import { chartFlows, podIdentity, publicHttps } from "../charts/flows";
import { chartSizes, release } from "../charts/release";
import { platformLabels } from "../workload/labels";
import type { Flow } from "../workload/network";

/** How the zone of the platform's names is written to. */
export type DnsAccess =
  /** By the identity that the cluster gives the account (EKS pod identity). */
  | { readonly provider: "route53"; readonly region: pulumi.Input<string> }
  | { readonly provider: "digitalocean"; readonly token: pulumi.Input<string> };

export interface ExternalDnsArgs {
  readonly namespace: string;
  /** Only names in this zone are touched. */
  readonly domain: string;
  readonly access: DnsAccess;
  /** Marks the records that are this cluster's, so that two clusters can share a zone. */
  readonly owner: pulumi.Input<string>;
  /** The API server, which tells of the routes. */
  readonly apiServer: Flow;
}

/** Keeps the zone's records in step with the routes of the Gateway. */
export class ExternalDns extends pulumi.ComponentResource {
  constructor(name: string, args: ExternalDnsArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:ExternalDns", name, {}, options);
    const { namespace, access } = args;
    const child = { parent: this };
    const secret = "external-dns-token";
    const token =
      access.provider === "digitalocean"
        ? new Secret(
            name,
            {
              metadata: { name: secret, namespace, labels: platformLabels },
              type: "Opaque",
              stringData: { token: access.token },
            },
            child,
          )
        : undefined;
    const environment =
      access.provider === "digitalocean"
        ? [{ name: "DO_TOKEN", valueFrom: { secretKeyRef: { name: secret, key: "token" } } }]
        : [{ name: "AWS_DEFAULT_REGION", value: access.region }];
    const flows = chartFlows(
      namespace,
      {
        "external-dns": {
          pods: { "app.kubernetes.io/name": "external-dns", "app.kubernetes.io/instance": "external-dns" },
          ingress: [],
          egress: [args.apiServer, publicHttps, ...(access.provider === "route53" ? [podIdentity] : [])],
        },
      },
      child,
    );
    release(
      "external-dns",
      {
        namespace,
        values: {
          fullnameOverride: "external-dns",
          provider: { name: access.provider === "route53" ? "aws" : "digitalocean" },
          sources: ["gateway-httproute"],
          domainFilters: [args.domain],
          policy: "sync",
          registry: "txt",
          txtOwnerId: args.owner,
          env: environment,
          serviceAccount: { name: "external-dns" },
          priorityClassName: "ballast-edge",
          resources: chartSizes({ request: "10m", limit: "200m" }, { request: "64Mi", limit: "128Mi" }),
        },
      },
      { ...child, dependsOn: token ? [...flows, token] : flows },
    );
    this.registerOutputs({});
  }
}

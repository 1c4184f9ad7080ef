import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../cluster";
import { customDefinitions } from "../crds/definitions";
import { platformLabels } from "../workload/labels";
import type { Flow, Peer } from "../workload/network";
import { CertManager } from "./certificates/certManager";
import { OwnAuthority } from "./certificates/ownAuthority";
import type { DnsAccess } from "./dns";
import { ExternalDns } from "./dns";
import { Envoy } from "./envoy/envoy";
import { Front } from "./front";
import { gatewayObjects } from "./gateway";
import { routeTable } from "./table";
import { Traefik } from "./traefik/traefik";

export interface EdgeArgs {
  readonly cluster: Pick<
    PlatformCluster,
    "name" | "loadBalancer" | "apiServer" | "capabilities" | "dns" | "nodeAddress"
  >;
  /** Namespace of the edge. */
  readonly namespace: string;
  /** Namespace of what signs certificates; the authority's key is kept out of the edge's reach. */
  readonly certificatesNamespace: string;
  /**
   * How the zone of the names is written to, and who is told of certificates about to end.
   * @default the cluster signs its certificate itself, and nobody serves its names
   */
  readonly names?: { readonly access: DnsAccess; readonly email: string };
  /**
   * Instances of each part where a chart can be installed; one otherwise.
   * @default 2
   */
  readonly replicas?: number;
  /**
   * `host:port` of the Redis in which all instances count requests together.
   * @default each instance counts by itself
   */
  readonly redis?: string;
}

const certificateSecret = "edge-certificate";

/**
 * Where traffic comes in: a Gateway that ends TLS for the domain and every name below it, sends HTTP to HTTPS, and holds each client to
 * the limits of `routes.json`. Envoy Gateway where charts can be installed, else Traefik; both with the same routes.
 */
export class Edge extends pulumi.ComponentResource {
  /** The domain whose names the edge answers for. */
  readonly domain: string;
  /** Where clients reach it: the port of every node, or 80 and 443 of the load balancer. */
  readonly ports: { readonly http: pulumi.Output<number>; readonly https: pulumi.Output<number> };
  /** Certificate (PEM) that clients must trust; `undefined` where a public authority signs. */
  readonly authority: pulumi.Output<string> | undefined;

  constructor(name: string, args: EdgeArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:Edge", name, {}, options);
    const { cluster, namespace, names } = args;
    const { domain } = cluster.dns;
    const child = { parent: this };
    const replicas = cluster.capabilities.charts ? (args.replicas ?? 2) : 1;
    const table = routeTable();
    const apiServer: Flow = { peer: { cidr: cluster.apiServer.cidr }, ports: cluster.apiServer.ports };
    this.domain = domain;

    const proxies: Peer = cluster.capabilities.charts
      ? { pods: { "gateway.envoyproxy.io/owning-gateway-name": name } }
      : { pods: { "app.kubernetes.io/name": name } };
    const front = new Front(`${name}-front`, { namespace, domain, replicas, table, edge: proxies }, child);
    const implementation = cluster.capabilities.charts
      ? new Envoy(
          name,
          {
            namespace,
            cluster,
            replicas,
            apiServer,
            backends: [front.flow],
            ...(args.redis !== undefined && { redis: args.redis }),
          },
          child,
        )
      : this.traefik(name, args, [front.flow]);

    const certificates = names
      ? new CertManager(
          `${name}-certificates`,
          {
            namespace: args.certificatesNamespace,
            edgeNamespace: namespace,
            domain,
            certificateSecret,
            dns: names.access,
            email: names.email,
            replicas,
            apiServer,
          },
          child,
        )
      : new OwnAuthority(
          `${name}-authority`,
          { namespace: args.certificatesNamespace, edgeNamespace: namespace, domain, certificateSecret, cluster },
          child,
        );
    const objects = gatewayObjects(
      name,
      {
        namespace,
        className: implementation.className,
        domain,
        certificateSecret,
        httpsPort: implementation.ports.https,
        table,
        backends: { front: front.backend },
        labels: platformLabels,
      },
      { ...child, dependsOn: [implementation, certificates.ready] },
    );
    if (implementation instanceof Envoy) implementation.policies(objects, table, this);
    if (names) {
      new ExternalDns(
        `${name}-names`,
        { namespace, domain, access: names.access, owner: cluster.name, apiServer },
        { ...child, dependsOn: [objects.gateway] },
      );
    }
    this.ports = implementation.ports;
    this.authority = certificates instanceof OwnAuthority ? certificates.certificate : undefined;
    this.registerOutputs({ domain, ports: this.ports, authority: this.authority });
  }

  private traefik(name: string, { cluster, namespace }: EdgeArgs, backends: readonly Flow[]): Traefik {
    const definitions = customDefinitions("gateway-api", { parent: this });
    return new Traefik(
      name,
      { namespace, table: routeTable(), cluster, backends },
      { parent: this, dependsOn: definitions },
    );
  }
}

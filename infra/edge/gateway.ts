import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import * as pulumi from "@pulumi/pulumi";
import type { Route, RouteTable } from "./table";

export const gatewayApi = "gateway.networking.k8s.io/v1";

/** A Service that requests are passed on to. */
export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

export interface GatewayArgs {
  readonly namespace: string;
  /** Name of the GatewayClass whose controller serves it. */
  readonly className: string;
  /** The edge answers for every name below it, and for itself. */
  readonly domain: string;
  /** Secret of the Gateway's namespace with `tls.crt` and `tls.key` for these names. */
  readonly certificateSecret: string;
  /** Port of HTTPS as clients see it; where HTTP redirects to. */
  readonly httpsPort: pulumi.Input<number>;
  readonly table: RouteTable;
  /** Where the routes lead, by the names that they use. */
  readonly backends: Readonly<Record<string, Backend>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface GatewayObjects {
  readonly gateway: CustomResource;
  /** Name of the Gateway. */
  readonly name: string;
  /** One a row of the table, by the row's name; policies of an implementation name them. */
  readonly routes: Readonly<Record<string, { readonly name: string; readonly resource: CustomResource }>>;
}

/**
 * The Gateway and its routes, the same for every implementation: HTTP only redirects, HTTPS ends at the edge with one wildcard
 * certificate.
 *
 * @throws Error for a route whose backend is not given
 */
export function gatewayObjects(name: string, args: GatewayArgs, options: pulumi.CustomResourceOptions): GatewayObjects {
  const { namespace, domain, table, labels } = args;
  const hostnames = [domain, `*.${domain}`];
  const metadata = (own: string) => ({ name: own, namespace, labels: { ...labels } });
  const listener = (hostname: string, kind: "http" | "https", index: number) => ({
    name: index === 0 ? kind : `${kind}-wildcard`,
    hostname,
    port: kind === "http" ? 80 : 443,
    protocol: kind.toUpperCase(),
    allowedRoutes: { namespaces: { from: "Same" } },
    ...(kind === "https" && {
      tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: args.certificateSecret }] },
    }),
  });
  const gateway = new CustomResource(
    name,
    {
      apiVersion: gatewayApi,
      kind: "Gateway",
      metadata: { ...metadata(name), annotations: { "pulumi.com/waitFor": "condition=Programmed" } },
      spec: {
        gatewayClassName: args.className,
        listeners: [
          ...hostnames.map((hostname, index) => listener(hostname, "http", index)),
          ...hostnames.map((hostname, index) => listener(hostname, "https", index)),
        ],
      },
    },
    options,
  );
  const parents = (kind: "http" | "https") =>
    hostnames.map((_, index) => ({ name, sectionName: index === 0 ? kind : `${kind}-wildcard` }));
  const route = (own: string, spec: object) =>
    new CustomResource(
      `${name}-${own}`,
      { apiVersion: gatewayApi, kind: "HTTPRoute", metadata: metadata(`${name}-${own}`), spec: { hostnames, ...spec } },
      { ...options, dependsOn: [gateway] },
    );

  const redirect = { scheme: "https", port: args.httpsPort, statusCode: 301 };
  route("redirect", {
    parentRefs: parents("http"),
    rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: redirect }] }],
  });
  const routes = table.routes.map((row) => {
    const resource = route(row.name, { parentRefs: parents("https"), rules: [rule(row, args)] });
    return [row.name, { name: `${name}-${row.name}`, resource }] as const;
  });
  return { gateway, name, routes: Object.fromEntries(routes) };
}

function rule(row: Route, { backends, namespace, table }: GatewayArgs): object {
  const backend = backends[row.backend];
  if (!backend) {
    const known = Object.keys(backends).join(", ");
    throw new Error(
      `infra/edge/routes.json: route ${row.name} leads to ${row.backend}, which the edge is not given (it has ${known})`,
    );
  }
  if (backend.namespace !== namespace) {
    throw new Error(
      `backend ${row.backend} of the edge is in namespace ${backend.namespace}; a route reaches only its own (${namespace})`,
    );
  }
  return {
    matches: row.prefixes.map((value) => ({ path: { type: "PathPrefix", value } })),
    ...(row.apiVersion !== undefined && {
      filters: [
        {
          type: "RequestHeaderModifier",
          requestHeaderModifier: { set: [{ name: "X-Api-Version", value: row.apiVersion }] },
        },
      ],
    }),
    backendRefs: [{ group: "", kind: "Service", name: backend.service, port: backend.port, weight: 1 }],
    timeouts: { request: `${table.resilience.timeoutSeconds}s` },
  };
}

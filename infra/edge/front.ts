import { Service } from "@pulumi/kubernetes/core/v1/service";
import * as pulumi from "@pulumi/pulumi";
import { imageReference } from "../imageReference";
import { DeploymentWorkload } from "../workload/deploymentWorkload";
import { labelsOf, selectorOf } from "../workload/labels";
import type { Flow, Peer } from "../workload/network";
import type { Backend } from "./gateway";
import type { RouteTable } from "./table";

const port = 8080;

export interface FrontArgs {
  readonly namespace: string;
  readonly domain: string;
  readonly replicas: number;
  readonly table: RouteTable;
  /** The pods of the edge, which alone may ask it. */
  readonly edge: Peer;
}

/** Answers where no service stands behind a route yet. */
export class Front extends pulumi.ComponentResource {
  readonly backend: Backend;
  /** To be declared by the edge: where requests go. */
  readonly flow: Flow;

  constructor(name: string, args: FrontArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:Front", name, {}, options);
    const { namespace, table } = args;
    const identity = { name, namespace, component: "default-backend", owner: "platform" };
    const labels = labelsOf(identity);
    const rows = table.routes.map(({ prefixes, limit }) => ({
      prefixes,
      limit: `${table.limits[limit]?.requests} requests a ${table.limits[limit]?.per}`,
    }));
    const health = { path: "/healthz", port };
    new DeploymentWorkload(
      name,
      {
        ...identity,
        replicas: args.replicas,
        priority: "ballast-service",
        containers: [
          {
            name: "front",
            image: imageReference("edge-tools"),
            args: ["/opt/edge/front.py"],
            environment: { DOMAIN: args.domain, PORT: String(port), ROUTES: JSON.stringify(rows) },
            ports: { http: port },
            sizes: { cpu: { request: "20m", limit: "250m" }, memory: { request: "32Mi", limit: "96Mi" } },
            probes: {
              startup: { check: health, every: 1, failures: 60 },
              readiness: { check: health, every: 5, failures: 2 },
              liveness: { check: { port }, every: 10, failures: 4, timeout: 5 },
            },
          },
        ],
        user: { uid: 65532, gid: 65532 },
        sharesNodes: "if needed",
        disruption: { maxUnavailable: 1 },
        flows: { ingress: [{ peer: args.edge, ports: [port] }], egress: [] },
        stopSeconds: 10,
        restartsOn: [],
      },
      { parent: this },
    );
    const service = new Service(
      name,
      {
        metadata: { name, namespace, labels },
        spec: {
          selector: selectorOf(identity),
          ports: [{ name: "http", port, targetPort: port, protocol: "TCP", appProtocol: "http" }],
        },
      },
      { parent: this },
    );
    this.backend = { namespace, service: name, port };
    this.flow = { peer: { pods: selectorOf(identity) }, ports: [port] };
    this.registerOutputs({ host: service.metadata.name });
  }
}

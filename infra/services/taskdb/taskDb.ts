import { join } from "node:path";
import { Service } from "@pulumi/kubernetes/core/v1/service";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../../cluster";
import type { TaskDbConfig } from "../../config";
import type { Environment } from "../../config/schema";
import type { DatabaseAccess } from "../../data/postgres/logins";
import type { PostgresHa } from "../../data/postgres/postgresHa";
import { clientLabel } from "../../data/postgres/postgresHa";
import { rulesOf } from "../../observability/alerts";
import { watched } from "../../observability/watched";
import { sloRules } from "../../slos/burnRate";
import { DeploymentWorkload } from "../../workload/deploymentWorkload";
import { labelsOf, selectorOf } from "../../workload/labels";
import type { Flow, Peer } from "../../workload/network";
import { sourceDigest } from "../source";
import { alerts } from "./alerts";
import { ports, serverContainer, stopSeconds, user } from "./container";
import { taskDbDashboard } from "./dashboard";
import { Migration } from "./migration";

export interface TaskDbArgs {
  /** To whose objectives it is held. */
  readonly environment: Environment;
  readonly namespace: string;
  readonly config: TaskDbConfig;
  readonly cluster: Pick<PlatformCluster, "nodeAddress" | "nodeRange">;
  /** Its database; the Secrets are in the service's namespace. */
  readonly database: DatabaseAccess;
  /** The server that the database is on. */
  readonly server: Pick<PostgresHa, "scope" | "primary"> & { readonly namespace: string };
}

/** How often Prometheus looks at the alerts. */
const alertsInterval = "30s";
/** What the image is built from. */
const source = join(__dirname, "../../../services/taskdb");

const prometheus: Peer = {
  pods: { "app.kubernetes.io/name": "prometheus" },
  namespaces: { "kubernetes.io/metadata.name": "observability" },
};

/** The task database: its schema, the API in as many pods as their work asks for, and how it is watched. */
export class TaskDb extends pulumi.ComponentResource {
  readonly namespace: string;
  /** Of the Deployment, the Service and the autoscaler. */
  readonly name: string;
  /** Where clients inside the cluster find the API. */
  readonly host: string;
  readonly port = ports.http;
  readonly metricsPort = ports.metrics;
  /** Port of the API on every node; `undefined` where this machine does not reach the nodes. */
  readonly nodePort: pulumi.Output<number | undefined>;

  constructor(name: string, args: TaskDbArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:services:TaskDb", name, {}, options);
    const { namespace, config, cluster, database } = args;
    const identity = { name, namespace, component: "service", owner: "platform" };
    const labels = labelsOf(identity);
    const child = { parent: this };
    const postgres = toPostgres(args.server);

    const migration = new Migration(`${name}-migrate`, { namespace, database, postgres }, child);
    const service = new Service(
      name,
      {
        metadata: { name, namespace, labels, annotations: skipAwait },
        spec: { selector: selectorOf(identity), ports: [port("http"), port("metrics")] },
      },
      child,
    );
    this.nodePort = this.nodePorts(name, args, labels);
    new DeploymentWorkload(
      name,
      {
        ...identity,
        replicas: config.autoscaling,
        priority: "ballast-service",
        containers: [serverContainer(config, database)],
        volumes: { tmp: { kind: "scratch", sizeLimit: "128Mi" } },
        user,
        sharesNodes: "if needed",
        disruption: { maxUnavailable: 1 },
        flows: { ingress: ingress(cluster), egress: [postgres] },
        stopSeconds,
        podLabels: clientLabel,
        // The tag of a release never moves; what is built from this checkout has its tag before it is one.
        restartsOn: [sourceDigest(source)],
      },
      { parent: this, dependsOn: [migration, service] },
    );
    watched(
      name,
      {
        ...identity,
        metricsPort: "metrics",
        groups: [
          { name, interval: alertsInterval, rules: rulesOf(alerts, { service: name }) },
          ...sloRules(name, args.environment).groups,
        ],
        dashboard: taskDbDashboard(),
      },
      child,
    );
    this.namespace = namespace;
    this.name = name;
    this.host = `${name}.${namespace}.svc`;
    this.registerOutputs({ host: this.host, port: this.port, nodePort: this.nodePort });
  }

  /** Only the API answers on the nodes, not the metrics. */
  private nodePorts(
    name: string,
    { namespace, cluster }: TaskDbArgs,
    labels: Record<string, string>,
  ): pulumi.Output<number | undefined> {
    if (cluster.nodeAddress === undefined) return pulumi.output(undefined);
    const service = new Service(
      `${name}-nodes`,
      {
        // Without the workload's own labels, or Prometheus would take it for a second Service to read.
        metadata: {
          name: `${name}-nodes`,
          namespace,
          labels: { ...labels, ...selectorOf({ name: `${name}-nodes` }) },
          annotations: skipAwait,
        },
        spec: { type: "NodePort", selector: selectorOf({ name }), ports: [port("http")] },
      },
      { parent: this },
    );
    return service.spec.apply((spec) => spec.ports[0]?.nodePort);
  }
}

/** The pods come after the Services. */
const skipAwait = { "pulumi.com/skipAwait": "true" };

const port = (name: keyof typeof ports) => ({ name, port: ports[name], targetPort: ports[name], protocol: "TCP" });

function toPostgres({ scope, namespace, primary }: TaskDbArgs["server"]): Flow {
  const namespaces = { "kubernetes.io/metadata.name": namespace };
  return { peer: { pods: selectorOf({ name: scope }), namespaces }, ports: [primary.port] };
}

function ingress({ nodeAddress, nodeRange }: TaskDbArgs["cluster"]): Flow[] {
  // Traffic to a NodePort arrives with the address of a node, so no label can narrow it.
  const nodes: Flow[] =
    nodeAddress === undefined ? [] : [{ peer: { cidr: nodeRange ?? "0.0.0.0/0" }, ports: [ports.http] }];
  return [{ peer: prometheus, ports: [ports.metrics] }, ...nodes];
}

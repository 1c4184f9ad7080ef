import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../../cluster";
import type { PostgresConfig } from "../../config";
import { formatBytes } from "../../config/quantity";
import { labelsOf, selectorOf } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import { StatefulWorkload } from "../../workload/statefulWorkload";
import type { Credentials } from "./access";
import { credentials, patroniRights } from "./access";
import type { MemberCredentials } from "./containers";
import { exporterContainer, guardContainer, memberContainer } from "./containers";
import { clusterLabel, dynamicConfiguration, patroniConfiguration } from "./patroni";
import { ports } from "./ports";
import { postgresServices } from "./services";

export interface PostgresHaArgs {
  readonly namespace: string;
  /** Members, sizes, settings and failover times. */
  readonly config: PostgresConfig;
  readonly cluster: PlatformCluster;
}

/** Where a client finds Postgres. */
export interface PostgresAddress {
  /** Name inside the cluster. */
  readonly host: string;
  readonly port: number;
  /** Port on every node; `undefined` where this machine does not reach the nodes. */
  readonly nodePort: pulumi.Output<number | undefined>;
}

/** Until the backup layer declares a repository, a standby on another node is the only copy. */
const noBackup = "none: the backup layer is not part of the stack yet; each member's standbys hold the same data";

/** Uid and gid of `postgres` in the image. */
export const postgresUser = { uid: 999, gid: 999 };

/** Label by which a pod of any namespace of the platform is let in to Postgres. */
export const clientLabel = { "ballast.dev/postgres-client": "true" };

/**
 * A highly available PostgreSQL: members on different nodes under Patroni, which keeps the leader's key in the Kubernetes API. A commit
 * is acknowledged only when a standby has it, so whichever standby takes over has every acknowledged commit.
 */
export class PostgresHa extends pulumi.ComponentResource {
  /** Accepts writes; follows the primary. */
  readonly primary: PostgresAddress;
  /** Read-only; any standby that keeps up. */
  readonly replicas: PostgresAddress;
  readonly superuser: Credentials;
  readonly monitor: Credentials;
  /** Name of the StatefulSet, and of the cluster in Patroni. */
  readonly scope: string;

  constructor(name: string, args: PostgresHaArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:data:PostgresHa", name, {}, options);
    const { namespace, config, cluster } = args;
    const exposure = cluster.nodeAddress === undefined ? "none" : "NodePort";
    const scope = name;
    const identity = { name: scope, namespace, component: "database", owner: "platform" };
    const labels = labelsOf(identity);
    const child = { parent: this };

    const account = (username: string, use: string) =>
      credentials(`${name}-${use}`, { username, namespace, labels, secretName: `${scope}-${use}` }, child);
    const accounts = {
      superuser: account("postgres", "superuser"),
      replication: account("replicator", "replication"),
      rewind: account("rewinder", "rewind"),
      monitor: account("monitor", "monitor"),
      restapi: account("patroni", "restapi"),
    } satisfies MemberCredentials;

    const files = configurationFiles(config, { scope, labels: selectorOf(identity) });
    const configMap = new ConfigMap(
      name,
      { metadata: { name: `${scope}-config`, namespace, labels }, data: files },
      child,
    );
    const services = postgresServices(
      name,
      { scope, namespace, labels, selector: selectorOf(identity), exposure },
      child,
    );
    const rights = patroniRights(
      name,
      { scope, namespace, labels, serviceAccountName: scope, instances: config.instances },
      child,
    );
    new StatefulWorkload(
      name,
      {
        ...identity,
        replicas: config.instances,
        serviceName: services.headless,
        start: "together",
        sidecars: [guardContainer(scope, accounts.restapi)],
        containers: [memberContainer(config, scope, accounts), exporterContainer(accounts.monitor)],
        volumes: {
          config: { kind: "config", configMap: `${scope}-config` },
          run: { kind: "scratch", sizeLimit: "16Mi", inMemory: true },
          "shared-memory": { kind: "scratch", sizeLimit: sharedMemory(config), inMemory: true },
          tmp: { kind: "scratch", sizeLimit: "256Mi" },
        },
        claims: {
          data: {
            size: config.storage.text,
            storageClass: cluster.storageClasses.database,
            onDestroy: config.volumesOnDestroy,
            backup: noBackup,
          },
        },
        user: postgresUser,
        sharesNodes: "never",
        priority: "ballast-data",
        ...(cluster.dataNodes && { nodes: cluster.dataNodes }),
        disruption: { maxUnavailable: 1 },
        flows: { ingress: ingress(identity.name, cluster), egress: egress(identity.name, cluster) },
        apiAccess: "Patroni keeps the leader's key and the members' state in the API server",
        stopSeconds: 60,
        podLabels: { [clusterLabel]: scope },
        restartsOn: Object.values(files),
      },
      {
        ...child,
        dependsOn: [
          configMap,
          rights,
          ...services.all,
          ...Object.values(accounts).map(({ secret }: Credentials) => secret),
        ],
      },
    );

    const nodePort = (service: typeof services.primary) =>
      exposure === "NodePort"
        ? service.spec.apply((spec) => spec.ports[0]?.nodePort)
        : pulumi.output<number | undefined>(undefined);
    this.scope = scope;
    this.primary = { host: `${scope}.${namespace}.svc`, port: ports.postgres, nodePort: nodePort(services.primary) };
    this.replicas = {
      host: `${scope}-replicas.${namespace}.svc`,
      port: ports.postgres,
      nodePort: nodePort(services.replicas),
    };
    this.superuser = accounts.superuser;
    this.monitor = accounts.monitor;
    this.registerOutputs({ scope, primary: this.primary, replicas: this.replicas });
  }
}

/** What a member reads at its start, by file name. */
function configurationFiles(
  config: PostgresConfig,
  names: Parameters<typeof patroniConfiguration>[1],
): Record<string, string> {
  const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    // JSON is YAML; this way no serialiser has to be loaded.
    "patroni.yml": text(patroniConfiguration(config, names)),
    "dynamic.json": text(dynamicConfiguration(config)),
    "guard.py": readFileSync(join(__dirname, "guard/guard.py"), "utf8"),
  };
}

/** Parallel queries and hash joins share memory through /dev/shm, whose 64 MiB in a pod are not enough. */
function sharedMemory({ resources }: PostgresConfig): string {
  return formatBytes(Math.floor(resources.memory.limit.value / 4 / 2 ** 20) * 2 ** 20);
}

function ingress(name: string, cluster: PlatformCluster): Flow[] {
  const members = { pods: selectorOf({ name }) };
  const prometheus = {
    pods: { "app.kubernetes.io/name": "prometheus" },
    namespaces: { "kubernetes.io/metadata.name": "observability" },
  };
  const clients = { pods: clientLabel, namespaces: { "app.kubernetes.io/part-of": "ballast" } };
  // Traffic to a NodePort arrives with the address of a node, so no label can narrow it; TLS and the password do.
  const nodes: Flow[] =
    cluster.nodeAddress !== undefined
      ? [{ peer: { cidr: cluster.nodeRange ?? "0.0.0.0/0" }, ports: [ports.postgres] }]
      : [];
  return [
    { peer: members, ports: [ports.postgres, ports.patroni] },
    { peer: clients, ports: [ports.postgres] },
    { peer: prometheus, ports: [ports.exporter, ports.patroni] },
    ...nodes,
  ];
}

function egress(name: string, cluster: PlatformCluster): Flow[] {
  return [
    { peer: { pods: selectorOf({ name }) }, ports: [ports.postgres, ports.patroni] },
    { peer: { cidr: cluster.apiServer.cidr }, ports: cluster.apiServer.ports },
  ];
}

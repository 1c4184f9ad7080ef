import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Job } from "@pulumi/kubernetes/batch/v1/job";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import { Secret } from "@pulumi/kubernetes/core/v1/secret";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import * as pulumi from "@pulumi/pulumi";
import type { DatabaseConfig } from "../../../config";
import { imageReference } from "../../../imageReference";
import type { EnvironmentValue } from "../../../workload/container";
import { labelsOf, selectorOf } from "../../../workload/labels";
import { networkPolicySpec } from "../../../workload/network";
import type { PodArgs } from "../../../workload/podSpec";
import { podSpec, reasons } from "../../../workload/podSpec";
import type { DatabaseAccess } from "../logins";
import { accessOf, databaseLogins, loginKinds, migratorConnections, monitorConnections, rowRights } from "../logins";
import type { PostgresHa } from "../postgresHa";
import { clientLabel, postgresUser } from "../postgresHa";

export interface DatabasesJobArgs {
  readonly server: PostgresHa;
  /** Namespace of the server; the job reads the superuser's password there. */
  readonly namespace: string;
  readonly databases: readonly DatabaseConfig[];
}

/** What the script reads beside itself. */
export function databasesPlan(databases: readonly DatabaseConfig[]): object {
  const wanted = databases.map(({ name, connectionLimit }) => ({ name, connectionLimit }));
  return { databases: wanted, monitorConnections, migratorConnections, rowRights };
}

/** The variable of the job's environment with a login role's password. */
export const passwordVariable = (database: string, kind: (typeof loginKinds)[number]): string =>
  `${database}_${kind}_password`.toUpperCase();

const folder = "/opt/databases";

/** The same databases, roles and rights as `Databases` makes, where only pods reach the server: by a job beside it. */
export class DatabasesJob extends pulumi.ComponentResource {
  readonly databases: readonly DatabaseAccess[];

  constructor(name: string, args: DatabasesJobArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:data:DatabasesJob", name, {}, options);
    const { server, namespace } = args;
    const identity = { name: `${server.scope}-${name}`, namespace, component: "database", owner: "platform" };
    const labels = labelsOf(identity);
    const child = { parent: this };
    const metadata = { name: identity.name, namespace, labels };

    const made = args.databases.map((config) => ({ config, logins: databaseLogins(server, config, child) }));
    this.databases = made.map(({ config, logins }) => accessOf(config, logins));
    // A pod reads Secrets of its own namespace only, so the job has the passwords once more.
    const passwords = Object.fromEntries(
      made.flatMap(({ config, logins }) =>
        loginKinds.map((kind) => [passwordVariable(config.name, kind), logins[kind].password] as const),
      ),
    );
    const files = {
      "databases.py": readFileSync(join(__dirname, "databases.py"), "utf8"),
      "databases.json": `${JSON.stringify(databasesPlan(args.databases), null, 2)}\n`,
    };
    const needed = [
      new Secret(name, { metadata, type: "Opaque", stringData: passwords }, child),
      new ConfigMap(name, { metadata, data: files }, child),
      new ServiceAccount(name, { metadata, automountServiceAccountToken: false }, child),
      new NetworkPolicy(
        name,
        {
          metadata,
          spec: networkPolicySpec(selectorOf(identity), {
            ingress: [],
            egress: [{ peer: { pods: selectorOf({ name: server.scope }) }, ports: [server.primary.port] }],
          }),
        },
        child,
      ),
    ];
    const pod: PodArgs = {
      ...identity,
      priority: "ballast-data",
      containers: [
        {
          name: "databases",
          image: imageReference("postgres-ha"),
          command: ["/usr/bin/python3", "-I", `${folder}/databases.py`],
          environment: {
            PGHOST: server.primary.host,
            PGPORT: String(server.primary.port),
            PGUSER: { secret: server.superuser.secretName, key: "username" },
            PGPASSWORD: { secret: server.superuser.secretName, key: "password" },
            PGSSLMODE: "require",
            PGCONNECT_TIMEOUT: "5",
            MONITOR_PASSWORD: { secret: server.monitor.secretName, key: "password" },
            ...Object.fromEntries(
              Object.keys(passwords).map((key): [string, EnvironmentValue] => [key, { secret: identity.name, key }]),
            ),
          },
          sizes: { cpu: { request: "20m", limit: "500m" }, memory: { request: "32Mi", limit: "128Mi" } },
          probes: { waived: "It runs for a second and ends; its exit code is its health" },
          mounts: { [folder]: { volume: "script", readOnly: true } },
        },
      ],
      volumes: { script: { kind: "config", configMap: identity.name } },
      user: postgresUser,
      sharesNodes: "if needed",
      stopSeconds: 10,
    };
    // A job's pod cannot be changed, so another pod or plan is another job.
    const digest = createHash("sha256")
      .update(JSON.stringify([pod, files]))
      .digest("hex")
      .slice(0, 8);
    new Job(
      name,
      {
        metadata: { ...metadata, name: `${identity.name}-${digest}`, annotations: reasons(pod) },
        spec: {
          backoffLimit: 6,
          activeDeadlineSeconds: 600,
          template: {
            metadata: { labels: { ...labels, ...clientLabel } },
            spec: { ...podSpec(pod), restartPolicy: "OnFailure" },
          },
        },
      },
      { ...child, dependsOn: [...needed, server] },
    );
    this.registerOutputs({ databases: this.databases });
  }
}

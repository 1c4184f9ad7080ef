import { createHash } from "node:crypto";
import { join } from "node:path";
import { Job } from "@pulumi/kubernetes/batch/v1/job";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import * as pulumi from "@pulumi/pulumi";
import type { DatabaseAccess } from "../../data/postgres/logins";
import { clientLabel } from "../../data/postgres/postgresHa";
import { labelsOf, selectorOf } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import { networkPolicySpec } from "../../workload/network";
import type { PodArgs } from "../../workload/podSpec";
import { podSpec, reasons } from "../../workload/podSpec";
import { sourceDigest } from "../source";
import { migrationContainer, user } from "./container";

export interface MigrationArgs {
  readonly namespace: string;
  readonly database: DatabaseAccess;
  /** To the database. */
  readonly postgres: Flow;
}

/** Folder of what the job applies. */
const migrations = join(__dirname, "../../../services/taskdb/migrations");

/** The schema of the task database, brought up to date before the pods that need it. Another image or schema is another job. */
export class Migration extends pulumi.ComponentResource {
  constructor(
    name: string,
    { namespace, database, postgres }: MigrationArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("ballast:services:TaskDbMigration", name, {}, options);
    const identity = { name, namespace, component: "migration", owner: "platform" };
    const labels = labelsOf(identity);
    const metadata = { name, namespace, labels };
    const child = { parent: this };
    const account = new ServiceAccount(name, { metadata, automountServiceAccountToken: false }, child);
    const spec = networkPolicySpec(selectorOf(identity), { ingress: [], egress: [postgres] });
    const policy = new NetworkPolicy(name, { metadata, spec }, child);
    const pod: PodArgs = {
      ...identity,
      priority: "ballast-service",
      containers: [migrationContainer(database)],
      volumes: { tmp: { kind: "scratch", sizeLimit: "16Mi" } },
      user,
      sharesNodes: "if needed",
      stopSeconds: 30,
    };
    const source = JSON.stringify([pod, sourceDigest(migrations)]);
    const digest = createHash("sha256").update(source).digest("hex").slice(0, 8);
    new Job(
      name,
      {
        metadata: { ...metadata, name: `${name}-${digest}`, annotations: reasons(pod) },
        spec: {
          backoffLimit: 6,
          activeDeadlineSeconds: 900,
          template: {
            metadata: { labels: { ...labels, ...clientLabel } },
            spec: { ...podSpec(pod), restartPolicy: "OnFailure" },
          },
        },
      },
      { ...child, dependsOn: [account, policy], customTimeouts: { create: "15m" } },
    );
    this.registerOutputs({});
  }
}

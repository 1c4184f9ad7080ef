import type * as pulumi from "@pulumi/pulumi";
import type { DatabaseConfig } from "../../config";
import { labelsOf } from "../../workload/labels";
import type { Credentials } from "./access";
import { credentials } from "./access";
import type { PostgresHa } from "./postgresHa";

/** A database as a service sees it: its name, and the Secret of each role that may log in. */
export interface DatabaseAccess {
  readonly name: string;
  /** Namespace of the Secrets, and of the pods that may read them. */
  readonly namespace: string;
  /** Secrets with username, password, host, port, database and sslmode. */
  readonly secrets: {
    /** Reads and writes rows; no tables of its own. */
    readonly app: string;
    /** Reads rows. */
    readonly readonly: string;
    /** Changes the schema, as the owner. */
    readonly migrator: string;
  };
}

/** Roles of a database that may log in. */
export type LoginKind = keyof DatabaseAccess["secrets"];
export const loginKinds = ["app", "readonly", "migrator"] as const satisfies readonly LoginKind[];

/** Sessions of the metrics exporter and of a schema migration. */
export const monitorConnections = 5;
export const migratorConnections = 3;

/** What each kind of login role may do with the rows, in every table and sequence that the owner makes from now on. */
export const rowRights = {
  app: { table: ["SELECT", "INSERT", "UPDATE", "DELETE"], sequence: ["SELECT", "UPDATE", "USAGE"] },
  readonly: { table: ["SELECT"], sequence: ["SELECT"] },
} as const;

/** Passwords of a database's login roles, in Secrets of the namespace that uses them. */
export function databaseLogins(
  server: Pick<PostgresHa, "scope" | "primary">,
  { name, namespace }: DatabaseConfig,
  options: pulumi.CustomResourceOptions,
): Record<LoginKind, Credentials> {
  const labels = labelsOf({ name: server.scope, namespace, component: "database", owner: "platform" });
  const { host, port } = server.primary;
  const login = (kind: LoginKind) =>
    credentials(
      `${name}-${kind}`,
      {
        username: `${name}_${kind}`,
        namespace,
        labels,
        secretName: `${server.scope}-${name}-${kind}`.replaceAll("_", "-"),
        details: { host, port: String(port), database: name, sslmode: "require" },
      },
      options,
    );
  return { app: login("app"), readonly: login("readonly"), migrator: login("migrator") };
}

/** What a service is told of its database. */
export function accessOf(
  { name, namespace }: DatabaseConfig,
  { app, readonly, migrator }: Record<LoginKind, Credentials>,
): DatabaseAccess {
  return {
    name,
    namespace,
    secrets: { app: app.secretName, readonly: readonly.secretName, migrator: migrator.secretName },
  };
}

import { Database as PostgresDatabase } from "@pulumi/postgresql/database";
import { DefaultPrivileges } from "@pulumi/postgresql/defaultPrivileges";
import { Extension } from "@pulumi/postgresql/extension";
import { Grant } from "@pulumi/postgresql/grant";
import { Provider } from "@pulumi/postgresql/provider";
import { Role } from "@pulumi/postgresql/role";
import * as pulumi from "@pulumi/pulumi";
import type { DatabaseConfig } from "../../config";
import { labelsOf } from "../../workload/labels";
import { credentials } from "./access";
import type { PostgresHa } from "./postgresHa";

export interface DatabasesArgs {
  readonly server: PostgresHa;
  /** Address under which this machine reaches the server's node port. */
  readonly nodeAddress: string;
  /** Namespace of the Secrets with the roles' passwords. */
  readonly namespace: string;
  readonly databases: readonly DatabaseConfig[];
}

/** A database as a service sees it: its name, and the Secret of each role that may log in. */
export interface DatabaseAccess {
  readonly name: string;
  /** Secrets with username, password, host, port and database. */
  readonly secrets: {
    /** Reads and writes rows; no tables of its own. */
    readonly app: string;
    /** Reads rows. */
    readonly readonly: string;
    /** Changes the schema, as the owner. */
    readonly migrator: string;
  };
}

/** A role that may log in, and the Secret with its password. */
interface Login {
  readonly secretName: string;
  readonly role: Role;
}

/** Sessions of the metrics exporter and of a schema migration. */
const monitorConnections = 5;
const migratorConnections = 3;

/** What each kind of login role may do with the rows, in every table and sequence that the owner makes from now on. */
const rowRights = {
  app: { table: ["SELECT", "INSERT", "UPDATE", "DELETE"], sequence: ["SELECT", "UPDATE", "USAGE"] },
  readonly: { table: ["SELECT"], sequence: ["SELECT"] },
} as const;

/**
 * Databases with least-privilege roles: an owner that cannot log in, a migrator that acts as the owner, an application that reads and
 * writes rows, a reader; and the monitor of the whole server. Nobody else may connect to a database.
 */
export class Databases extends pulumi.ComponentResource {
  readonly databases: readonly DatabaseAccess[];

  private readonly inServer: pulumi.CustomResourceOptions;

  constructor(
    name: string,
    private readonly args: DatabasesArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("ballast:data:Databases", name, {}, options);
    const { server } = args;
    const provider = new Provider(
      name,
      {
        host: args.nodeAddress,
        port: server.primary.nodePort.apply((port) => port ?? server.primary.port),
        username: server.superuser.username,
        password: server.superuser.password,
        sslmode: "require",
        superuser: true,
        connectTimeout: 30,
        maxConnections: 4,
      },
      { parent: this, dependsOn: [server] },
    );
    this.inServer = { parent: this, provider };
    const { username, password } = server.monitor;
    new Role(
      username,
      { name: username, login: true, password, roles: ["pg_monitor"], connectionLimit: monitorConnections },
      this.inServer,
    );
    new Extension("postgres-statements", { name: "pg_stat_statements", database: "postgres" }, this.inServer);
    this.databases = args.databases.map((database) => this.database(database));
    this.registerOutputs({ databases: this.databases });
  }

  private database({ name, connectionLimit }: DatabaseConfig): DatabaseAccess {
    const owner = new Role(`${name}-owner`, { name: `${name}_owner`, login: false }, this.inServer);
    const logins = {
      app: this.login(name, "app", { connectionLimit }),
      readonly: this.login(name, "readonly", { connectionLimit }),
      migrator: this.login(name, "migrator", {
        connectionLimit: migratorConnections,
        roles: [owner.name],
        assumeRole: owner.name,
      }),
    };
    const database = new PostgresDatabase(
      name,
      // Template 0 is never changed, so what an operator put into template 1 does not get in.
      { name, owner: owner.name, encoding: "UTF8", template: "template0", lcCollate: "C.UTF-8", lcCtype: "C.UTF-8" },
      // A role with rights on tables cannot be dropped: the database goes first, and the tables with it.
      { ...this.inServer, dependsOn: Object.values(logins).map(({ role }) => role) },
    );
    new Extension(`${name}-statements`, { name: "pg_stat_statements", database: database.name }, this.inServer);
    new Grant(
      `${name}-public`,
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      this.inServer,
    );
    this.connect(name, "migrator", logins.migrator, database);
    for (const kind of ["app", "readonly"] as const) this.rows(name, kind, logins[kind], database, owner);
    const { app, readonly, migrator } = logins;
    return {
      name,
      secrets: { app: app.secretName, readonly: readonly.secretName, migrator: migrator.secretName },
    };
  }

  /** Lets a role work on the rows of the tables that the owner makes. */
  private rows(
    name: string,
    kind: keyof typeof rowRights,
    login: Login,
    database: PostgresDatabase,
    owner: Role,
  ): void {
    const connect = this.connect(name, kind, login, database);
    for (const objectType of ["table", "sequence"] as const) {
      new DefaultPrivileges(
        `${name}-${kind}-${objectType}`,
        {
          owner: owner.name,
          role: login.role.name,
          database: database.name,
          schema: "public",
          objectType,
          privileges: [...rowRights[kind][objectType]],
        },
        { ...this.inServer, dependsOn: [connect] },
      );
    }
  }

  private connect(name: string, kind: string, { role }: Login, database: PostgresDatabase): Grant {
    return new Grant(
      `${name}-${kind}-connect`,
      { role: role.name, database: database.name, objectType: "database", privileges: ["CONNECT"] },
      this.inServer,
    );
  }

  /** A role that may log in, its password in a Secret. */
  private login(
    name: string,
    kind: string,
    rights: Pick<ConstructorParameters<typeof Role>[1] & object, "connectionLimit" | "roles" | "assumeRole">,
  ): Login {
    const { server, namespace } = this.args;
    const labels = labelsOf({ name: server.scope, namespace, component: "database", owner: "platform" });
    const { username, password, secretName } = credentials(
      `${name}-${kind}`,
      {
        username: `${name}_${kind}`,
        namespace,
        labels,
        secretName: `${server.scope}-${name}-${kind}`.replaceAll("_", "-"),
        details: { host: server.primary.host, port: String(server.primary.port), database: name, sslmode: "require" },
      },
      { parent: this },
    );
    const role = new Role(`${name}-${kind}`, { name: username, login: true, password, ...rights }, this.inServer);
    return { secretName, role };
  }
}

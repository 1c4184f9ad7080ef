import { Database as PostgresDatabase } from "@pulumi/postgresql/database";
import { DefaultPrivileges } from "@pulumi/postgresql/defaultPrivileges";
import { Extension } from "@pulumi/postgresql/extension";
import { Grant } from "@pulumi/postgresql/grant";
import { Provider } from "@pulumi/postgresql/provider";
import { Role } from "@pulumi/postgresql/role";
import * as pulumi from "@pulumi/pulumi";
import type { DatabaseConfig } from "../../config";
import type { Credentials } from "./access";
import type { DatabaseAccess, LoginKind } from "./logins";
import { accessOf, databaseLogins, migratorConnections, monitorConnections, rowRights } from "./logins";
import type { PostgresHa } from "./postgresHa";

export interface DatabasesArgs {
  readonly server: PostgresHa;
  /** Address under which this machine reaches the server's node port. */
  readonly nodeAddress: string;
  readonly databases: readonly DatabaseConfig[];
}

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

  private database(config: DatabaseConfig): DatabaseAccess {
    const { name, connectionLimit } = config;
    const owner = new Role(`${name}-owner`, { name: `${name}_owner`, login: false }, this.inServer);
    const logins = databaseLogins(this.args.server, config, { parent: this });
    const roles = {
      app: this.login(name, "app", logins.app, { connectionLimit }),
      readonly: this.login(name, "readonly", logins.readonly, { connectionLimit }),
      migrator: this.login(name, "migrator", logins.migrator, {
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
      { ...this.inServer, dependsOn: Object.values(roles) },
    );
    new Extension(`${name}-statements`, { name: "pg_stat_statements", database: database.name }, this.inServer);
    new Grant(
      `${name}-public`,
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      this.inServer,
    );
    this.connect(name, "migrator", roles.migrator, database);
    for (const kind of ["app", "readonly"] as const) this.rows(name, kind, roles[kind], database, owner);
    return accessOf(config, logins);
  }

  /** Lets a role work on the rows of the tables that the owner makes. */
  private rows(name: string, kind: keyof typeof rowRights, role: Role, database: PostgresDatabase, owner: Role): void {
    const connect = this.connect(name, kind, role, database);
    for (const objectType of ["table", "sequence"] as const) {
      new DefaultPrivileges(
        `${name}-${kind}-${objectType}`,
        {
          owner: owner.name,
          role: role.name,
          database: database.name,
          schema: "public",
          objectType,
          privileges: [...rowRights[kind][objectType]],
        },
        { ...this.inServer, dependsOn: [connect] },
      );
    }
  }

  private connect(name: string, kind: LoginKind, role: Role, database: PostgresDatabase): Grant {
    return new Grant(
      `${name}-${kind}-connect`,
      { role: role.name, database: database.name, objectType: "database", privileges: ["CONNECT"] },
      this.inServer,
    );
  }

  /** A role that may log in. */
  private login(
    name: string,
    kind: LoginKind,
    { username, password }: Credentials,
    rights: Pick<ConstructorParameters<typeof Role>[1] & object, "connectionLimit" | "roles" | "assumeRole">,
  ): Role {
    return new Role(`${name}-${kind}`, { name: username, login: true, password, ...rights }, this.inServer);
  }
}

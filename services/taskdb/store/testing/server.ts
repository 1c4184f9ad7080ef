import {
  Instance,
  type InstanceOptions,
  missing,
} from "../../../../local/engine/providers/postgresql/testing/instance";
import { type PostgresDatabase, openDatabase } from "../database";
import { migrate } from "../migrate";
import type { PostgresOptions } from "../postgres/connection";

export { missing };

/** A real PostgreSQL with databases as the platform makes them: owner, migrator, application and reader are four roles. */
export class Server {
  private readonly opened: PostgresDatabase[] = [];
  private made = 0;
  private constructor(readonly instance: Instance) {}

  static async start(options?: InstanceOptions): Promise<Server> {
    return new Server(await Instance.start(options));
  }

  /** An empty database; its roles are `<name>_migrator`, `<name>_app` and `<name>_readonly`, their password the name. */
  async create(): Promise<string> {
    const name = `taskdb${++this.made}`;
    const query = (sql: string) => this.instance.query(sql, [], "postgres");
    await query(`CREATE ROLE ${name}_owner NOLOGIN`);
    await query(`CREATE ROLE ${name}_app LOGIN PASSWORD '${name}'`);
    await query(`CREATE ROLE ${name}_readonly LOGIN PASSWORD '${name}'`);
    await query(`CREATE ROLE ${name}_migrator LOGIN PASSWORD '${name}' IN ROLE ${name}_owner`);
    await query(`ALTER ROLE ${name}_migrator SET role = '${name}_owner'`);
    await query(`CREATE DATABASE ${name} OWNER ${name}_owner TEMPLATE template0`);
    await query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
    await query(`GRANT CONNECT ON DATABASE ${name} TO ${name}_app, ${name}_readonly, ${name}_migrator`);
    const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${name}_owner IN SCHEMA public GRANT`;
    for (const grant of [
      `SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${name}_app`,
      `SELECT, UPDATE, USAGE ON SEQUENCES TO ${name}_app`,
      `SELECT ON TABLES TO ${name}_readonly`,
      `SELECT ON SEQUENCES TO ${name}_readonly`,
    ]) {
      await this.instance.query(`${defaults} ${grant}`, [], name);
    }
    return name;
  }

  async open(
    name: string,
    role: "app" | "migrator" | "readonly",
    options: Omit<PostgresOptions, "url"> = {},
  ): Promise<PostgresDatabase> {
    const url = `postgresql://${name}_${role}:${name}@127.0.0.1:${this.instance.port}/${name}`;
    const database = await openDatabase({ backend: "postgres", url, ...options });
    if (database.backend !== "postgres") throw new Error("it is PostgreSQL that was asked for");
    this.opened.push(database);
    return database;
  }

  /** A database with the newest schema, as the application sees it. */
  async migrated(options: Omit<PostgresOptions, "url"> = {}): Promise<PostgresDatabase & { readonly name: string }> {
    const name = await this.create();
    const migrator = await this.open(name, "migrator", { statementTimeoutMs: 0 });
    await migrate(migrator, "up");
    await migrator.close();
    return { ...(await this.open(name, "app", options)), name };
  }

  async remove(): Promise<void> {
    await Promise.all(this.opened.map((each) => each.close()));
    await this.instance.remove();
  }
}

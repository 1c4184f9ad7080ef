import assert from "node:assert/strict";
import { skip } from "../../cli/testing/skip";
import { exportState } from ".";
import { Instance, missing } from "./providers/postgresql/testing/instance";
import { Kills } from "./testing/kills";
import { TestProject } from "./testing/project";

const lives = 3;
/** Every run of the program below writes at least so many lines to its journal. */
const linesOfRun = 16;

const program = (server: Instance, limit: number): string => `
  import { Database, Grant, Provider, Role, Schema } from "@pulumi/postgresql";
  const provider = new Provider("server", {
    host: "127.0.0.1", port: ${server.port}, username: "postgres", password: ${JSON.stringify(server.password)}, sslmode: "disable",
  });
  const options = { provider };
  const owner = new Role("owner", { connectionLimit: ${limit} }, options);
  const named = new Role("named", { name: "named", login: true, password: "pw ${limit}", connectionLimit: ${limit} }, options);
  const database = new Database("shop", { name: "shop", owner: owner.name, connectionLimit: ${limit} }, options);
  const schema = new Schema("orders", { name: "orders", database: database.name }, options);
  new Grant("use", { database: database.name, schema: schema.name, role: named.name, objectType: "schema", privileges: ["USAGE"] }, options);
`;

describe("kill -9 of the engine (real PostgreSQL)", function () {
  this.timeout(240_000);
  let server: Instance;
  let project: TestProject;
  const kills = new Kills(() => project);

  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Instance.start();
    project = new TestProject({ name: "killed-pg", program: "" });
  });
  afterEach(() => kills.end());
  after(async () => {
    (project as typeof project | undefined)?.remove();
    await (server as typeof server | undefined)?.remove();
  });

  const one = async (sql: string, database?: string): Promise<unknown> =>
    Object.values((await server.query(sql, [], database))[0] ?? {})[0];
  const roles = (): Promise<unknown> =>
    one(`SELECT array_agg(regexp_replace(rolname, '-.*', '') || ' ' || rolconnlimit ORDER BY rolname)
           FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'`);

  for (let life = 1; life <= lives; life++) {
    it(`life ${life}: created, changed and destroyed, each killed once and then run again`, async () => {
      for (const limit of [5, 7]) {
        project.write(program(server, limit));
        // A change touches three resources only.
        const moment = await kills.killed("up", limit === 5 ? linesOfRun : 6);
        await kills.succeeds("up", moment);
        const { deployment } = await exportState(project.options());
        assert.equal(deployment.pending_operations, undefined, moment);
        assert.equal((deployment.resources as unknown[]).length, 7, moment);
        assert.deepEqual(await roles(), [`named ${limit}`, `owner ${limit}`], moment);
        assert.equal(await one("SELECT datconnlimit FROM pg_database WHERE datname = 'shop'"), limit, moment);
        assert.equal(await one("SELECT has_schema_privilege('named', 'orders', 'USAGE')", "shop"), true, moment);
        const client = server.client("named", `pw ${limit}`);
        await client.connect();
        await client.end();
      }
      const moment = await kills.killed("destroy", 10);
      await kills.succeeds("destroy", moment);
      assert.equal(await roles(), null, moment);
      assert.equal(await one("SELECT count(*)::int FROM pg_database WHERE datname = 'shop'"), 0, moment);
    });
  }
});

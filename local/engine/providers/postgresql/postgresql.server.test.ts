import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { skip } from "../../../../cli/testing/skip";
import type { PropertyMap } from "../../values";
import { Secret, UNKNOWN } from "../../values";
import { Instance, missing } from "./testing/instance";
import { type Kept, Stack } from "./testing/stack";

describe("postgresql provider, on a real server", function () {
  this.timeout(240_000);

  let server: Instance;
  let stack: Stack;
  const opened: Stack[] = [];
  const open = async (config: PropertyMap = {}): Promise<Stack> => {
    const base = {
      host: "127.0.0.1",
      port: String(server.port),
      username: "postgres",
      password: server.password,
      connectTimeout: "20",
    };
    const result = await Stack.open({ ...base, ...config });
    opened.push(result);
    return result;
  };

  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Instance.start();
    stack = await open();
  });
  after(async () => {
    await Promise.all(opened.map((each) => each.close()));
    await server?.remove();
  });

  const one = async (sql: string, database = "postgres"): Promise<unknown> =>
    Object.values((await server.query(sql, [], database))[0] ?? {})[0];
  /** Live after a refresh, and nothing left to do. */
  const settled = async (kept: Kept, raw: PropertyMap): Promise<void> => {
    assert.equal(await stack.refresh(kept), true);
    assert.deepEqual((await stack.diff(kept, raw)).detailed, {});
  };

  describe("Role", () => {
    it("is created with its attributes, logs in, and hides its password from the server", async () => {
      const raw = {
        name: 'odd "name"',
        login: true,
        createDatabase: true,
        connectionLimit: 3,
        password: "pä's \\ word",
        validUntil: "2099-01-01T00:00:00Z",
        roles: ["pg_monitor"],
        searchPaths: ["a", 'b "c"'],
        statementTimeout: 5000,
        assumeRole: "pg_monitor",
      };
      const role = await stack.create("Role", raw);
      assert.equal(role.id, 'odd "name"');
      await settled(role, raw);
      const client = server.client('odd "name"', "pä's \\ word");
      await client.connect();
      const { rows } = await client.query<{ path: string; timeout: string; role: string }>(
        "SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout, current_user::text AS role",
      );
      await client.end();
      assert.deepEqual(rows, [{ path: 'a, "b ""c"""', timeout: "5s", role: "pg_monitor" }]);
      const log = await server.log();
      assert.equal(log.includes("pä's"), false, "the clear password is in the server's log");
      assert.equal(log.includes("SCRAM-SHA-256$"), false, "the verifier is in the server's log");
      await stack.delete(role);
      await stack.delete(role);
      assert.equal(await stack.refresh(role), false);
    });

    it("is changed in place, renamed too", async () => {
      const role = await stack.create("Role", {
        name: "before",
        login: true,
        password: "one",
        statementTimeout: 1000,
        roles: ["pg_monitor"],
      });
      const raw = { name: "after", login: true, password: "two", connectionLimit: 7, roles: ["pg_read_all_data"] };
      assert.deepEqual(await stack.update(role, raw), [
        "connectionLimit",
        "name",
        "password",
        "roles",
        "statementTimeout",
      ]);
      role.id = "after";
      await settled(role, raw);
      const client = server.client("after", "two");
      await client.connect();
      await client.end();
      await stack.delete(role);
    });

    it("has drift found and repaired: attributes and password", async () => {
      const raw = { name: "drifter", login: true, password: "mine" };
      const role = await stack.create("Role", raw);
      await server.query("ALTER ROLE drifter NOLOGIN SUPERUSER CONNECTION LIMIT 5 PASSWORD 'theirs'");
      await stack.refresh(role);
      const { detailed } = await stack.diff(role, raw);
      assert.deepEqual(Object.keys(detailed).sort(), ["connectionLimit", "login", "password", "superuser"]);
      await stack.update(role, raw);
      await settled(role, raw);
      await stack.delete(role);
    });

    it("is named by itself, keeps that name, and is adopted by name", async () => {
      const role = await stack.create("Role", {});
      assert.equal(role.id, "logical-abababa");
      assert.deepEqual((await stack.diff(role, {})).detailed, {});
      const adopted = await stack.read({ type: role.type, id: role.id });
      assert.deepEqual(adopted?.inputs, { name: "logical-abababa" });
      assert.equal(await stack.read({ type: role.type, id: "nobody" }), undefined);
      await stack.delete(role);
    });

    it("takes a write-only password only when its version changes, and keeps it out of outputs", async () => {
      const raw = { name: "secretive", login: true, passwordWo: "first", passwordWoVersion: "1" };
      const role = await stack.create("Role", raw);
      assert.equal(role.outputs.passwordWo, undefined);
      assert.deepEqual((await stack.diff(role, { ...raw, passwordWo: "second" })).detailed, {});
      await stack.update(role, { ...raw, passwordWo: "third", passwordWoVersion: "2" });
      const client = server.client("secretive", "third");
      await client.connect();
      await client.end();
      await stack.delete(role);
    });

    it("hands over what it owned when it is dropped", async () => {
      const role = await stack.create("Role", { name: "leaver" });
      await server.query("CREATE TABLE left_behind (a int); ALTER TABLE left_behind OWNER TO leaver");
      await stack.delete(role);
      assert.equal(await one("SELECT tableowner FROM pg_tables WHERE tablename = 'left_behind'"), "postgres");
      await server.query("DROP TABLE left_behind");
    });

    it("marks passwords as secret", async () => {
      const inputs = await stack.check("Role", { name: "sealed", password: "x" });
      const { outputs } = await stack.provider.create({ urn: "urn", type: Stack.type("Role"), inputs, preview: true });
      assert.ok(outputs.password instanceof Secret);
    });

    it("tells an existing role, without the password", async () => {
      await assert.rejects(stack.create("Role", { name: "postgres", password: "hush" }), (error: Error) => {
        assert.match(
          error.message,
          /cannot create Role "postgres": role "postgres" already exists \(PostgreSQL at 127\.0\.0\.1:\d+/,
        );
        assert.doesNotMatch(error.message, /hush/);
        return true;
      });
    });
  });

  describe("Database, Schema, Extension", () => {
    let owner: Kept;
    before(async () => {
      owner = await stack.create("Role", { name: "owner" });
    });
    after(() => stack.delete(owner));

    it("Database: created, changed in place, replaced for its encoding, dropped under its users", async () => {
      const raw = { name: "app", owner: "owner", connectionLimit: 10, encoding: "utf-8" };
      const database = await stack.create("Database", raw);
      assert.equal(database.outputs.lcCollate, "C");
      await settled(database, raw);
      assert.deepEqual((await stack.diff(database, { ...raw, encoding: "LATIN1" })).replaceKeys, ["encoding"]);
      const changed = { name: "app2", owner: "postgres", connectionLimit: -1 };
      assert.deepEqual(await stack.update(database, changed), ["connectionLimit", "name", "owner"]);
      database.id = "app2";
      await settled(database, changed);
      const user = server.client("postgres", server.password, "app2");
      user.on("error", () => undefined);
      await user.connect();
      await stack.delete(database);
      assert.equal(await stack.refresh(database), false);
    });

    it("Database: preexisting objects change owner when that is wished", async () => {
      const raw = { name: "moved", owner: "owner", alterObjectOwnership: true };
      const database = await stack.create("Database", raw);
      await server.query("CREATE TABLE t (a int); ALTER TABLE t OWNER TO owner", [], "moved");
      await stack.update(database, { ...raw, owner: "postgres" });
      assert.equal(await one("SELECT tableowner FROM pg_tables WHERE tablename = 't'", "moved"), "postgres");
      await stack.delete(database);
    });

    it("Database: a template is dropped too", async () => {
      const database = await stack.create("Database", { name: "mould", isTemplate: true, allowConnections: false });
      await stack.delete(database);
      assert.equal(await one("SELECT count(*)::int FROM pg_database WHERE datname = 'mould'"), 0);
    });

    it("Schema: created, renamed, given away; not dropped while full unless told to", async () => {
      const raw: PropertyMap = { name: "core", owner: "owner" };
      const schema = await stack.create("Schema", raw);
      assert.equal(schema.id, "postgres.core");
      await settled(schema, raw);
      const changed = {
        name: "kernel",
        owner: "postgres",
        policies: [{ role: "owner", usage: true, createWithGrant: true }],
      };
      await stack.update(schema, changed);
      assert.equal(
        await one("SELECT nspacl::text FROM pg_namespace WHERE nspname = 'kernel'"),
        "{postgres=UC/postgres,owner=UC*/postgres}",
      );
      schema.id = "postgres.kernel";
      await server.query("CREATE TABLE kernel.t (a int)");
      await assert.rejects(
        stack.delete(schema),
        /cannot drop schema kernel because other objects depend on it; table kernel.t/,
      );
      await stack.update(schema, { ...changed, dropCascade: true });
      await stack.delete(schema);
      await stack.delete(schema);
      assert.equal(await stack.refresh(schema), false);
    });

    it("Schema: takes over one that exists", async () => {
      const schema = await stack.create("Schema", { name: "public", owner: "owner" });
      assert.equal(schema.outputs.owner, "owner");
      await stack.update(schema, { name: "public", owner: "pg_database_owner" });
      await assert.rejects(
        stack.create("Schema", { name: "public", ifNotExists: false }),
        /schema "public" already exists/,
      );
    });

    it("Extension: found, adopted, and gone with its database", async () => {
      const extension = await stack.create("Extension", { name: "plpgsql" });
      assert.equal(extension.id, "postgres.plpgsql");
      await settled(extension, { name: "plpgsql" });
      const adopted = await stack.read({ type: extension.type, id: "postgres.plpgsql" });
      assert.equal(adopted?.outputs.schema, "pg_catalog");
      assert.equal(await stack.read({ type: extension.type, id: "nowhere.plpgsql" }), undefined);
      await assert.rejects(
        stack.create("Extension", { name: "no_such" }),
        /cannot create Extension "no_such".*no_such/,
      );
    });
  });

  describe("privileges", () => {
    const kept: Kept[] = [];
    before(async () => {
      kept.push(await stack.create("Role", { name: "boss" }));
      kept.push(await stack.create("Role", { name: "reader" }));
      kept.push(await stack.create("Database", { name: "shop", owner: "boss" }));
      await server.query(
        `CREATE SCHEMA s AUTHORIZATION boss; CREATE TABLE s.a (x int, y int); CREATE TABLE s.b (x int); CREATE VIEW s.v AS SELECT 1 AS one;
         CREATE SEQUENCE s.q; CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION s.f(text) RETURNS int LANGUAGE sql AS 'SELECT 2'; CREATE PROCEDURE s.p() LANGUAGE sql AS 'SELECT 1'`,
        [],
        "shop",
      );
    });
    after(async () => {
      for (const each of kept.reverse()) await stack.delete(each);
    });

    const base = { role: "reader", database: "shop" };
    const can = (check: string): Promise<unknown> => one(`SELECT ${check}`, "shop");

    const cases: { what: string; raw: PropertyMap; id: string; check: string }[] = [
      {
        what: "database",
        raw: { objectType: "database", privileges: ["CONNECT", "temp"] },
        id: "reader_shop_database",
        check: "has_database_privilege('reader', 'shop', 'TEMP')",
      },
      {
        what: "schema",
        raw: { schema: "s", objectType: "schema", privileges: ["USAGE"] },
        id: "reader_shop_s_schema",
        check: "has_schema_privilege('reader', 's', 'USAGE')",
      },
      {
        what: "all tables",
        raw: { schema: "s", objectType: "table", privileges: ["SELECT", "INSERT"] },
        id: "reader_shop_s_table",
        check: "has_table_privilege('reader', 's.b', 'INSERT')",
      },
      {
        what: "one table",
        raw: { schema: "s", objectType: "table", objects: ["a"], privileges: ["DELETE"] },
        id: "reader_shop_s_table_a",
        check: "has_table_privilege('reader', 's.a', 'DELETE')",
      },
      {
        what: "everything on sequences",
        raw: { schema: "s", objectType: "sequence", privileges: ["ALL"] },
        id: "reader_shop_s_sequence",
        check: "has_sequence_privilege('reader', 's.q', 'UPDATE')",
      },
      {
        what: "an overloaded function",
        raw: { schema: "s", objectType: "function", objects: ["f(text)"], privileges: ["EXECUTE"] },
        id: "reader_shop_s_function_f(text)",
        check: "has_function_privilege('reader', 's.f(text)', 'EXECUTE')",
      },
      {
        what: "procedures",
        raw: { schema: "s", objectType: "procedure", privileges: ["EXECUTE"] },
        id: "reader_shop_s_procedure",
        check: "has_function_privilege('reader', 's.p()', 'EXECUTE')",
      },
      {
        what: "a column",
        raw: { schema: "s", objectType: "column", objects: ["a"], columns: ["x"], privileges: ["UPDATE"] },
        id: "reader_shop_s_column_a_x",
        check: "has_column_privilege('reader', 's.a', 'x', 'UPDATE')",
      },
    ];
    for (const { what, raw, id, check } of cases) {
      it(`Grant on ${what}: given, settled, lost and found again, taken back`, async () => {
        const grant = await stack.create("Grant", { ...base, ...raw });
        assert.equal(grant.id, id);
        assert.equal(await can(check), true);
        await settled(grant, { ...base, ...raw });
        await stack.delete(grant);
        await stack.refresh(grant);
        assert.deepEqual(Object.keys((await stack.diff(grant, { ...base, ...raw })).detailed), ["privileges"]);
        await stack.update(grant, { ...base, ...raw });
        await settled(grant, { ...base, ...raw });
        await stack.delete(grant);
        await stack.delete(grant);
      });
    }

    it("Grant: takes away what is no longer wanted, and keeps the rest", async () => {
      const raw = { ...base, schema: "s", objectType: "table", objects: ["a"] };
      const grant = await stack.create("Grant", { ...raw, privileges: ["SELECT", "INSERT"] });
      await stack.update(grant, { ...raw, privileges: ["SELECT"] });
      assert.equal(await can("has_table_privilege('reader', 's.a', 'INSERT')"), false);
      assert.equal(await can("has_table_privilege('reader', 's.a', 'SELECT')"), true);
      await stack.delete(grant);
    });

    it("Grant: finds tables made since, and privileges that nobody declared", async () => {
      const raw = { ...base, schema: "s", objectType: "table", privileges: ["SELECT"] };
      const grant = await stack.create("Grant", raw);
      await server.query("CREATE TABLE s.later (x int)", [], "shop");
      await stack.refresh(grant);
      assert.deepEqual(Object.keys((await stack.diff(grant, raw)).detailed), ["privileges"]);
      await stack.update(grant, raw);
      await settled(grant, raw);
      await server.query("GRANT DELETE ON s.b TO reader", [], "shop");
      await stack.refresh(grant);
      assert.deepEqual(Object.keys((await stack.diff(grant, raw)).detailed), ["privileges"]);
      await stack.update(grant, raw);
      assert.equal(await can("has_table_privilege('reader', 's.b', 'DELETE')"), false);
      await stack.delete(grant);
    });

    it("Grant: takes from everyone what the server gives by default", async () => {
      const raw = { database: "shop", role: "public", objectType: "database", privileges: [] };
      const grant = await stack.create("Grant", raw);
      assert.equal(await can("has_database_privilege('reader', 'shop', 'CONNECT')"), false);
      await settled(grant, raw);
      await server.query("GRANT CONNECT ON DATABASE shop TO public");
      await stack.refresh(grant);
      assert.deepEqual(Object.keys((await stack.diff(grant, raw)).detailed), ["privileges"]);
      await stack.update(grant, raw);
      await settled(grant, raw);
    });

    it("Grant: is gone with its role, schema or database", async () => {
      await stack.create("Role", { name: "brief" }).then(async (role) => {
        const grant = await stack.create("Grant", {
          ...base,
          role: "brief",
          schema: "s",
          objectType: "schema",
          privileges: ["USAGE"],
        });
        await server.query("DROP OWNED BY brief", [], "shop");
        await stack.delete(role);
        assert.equal(await stack.refresh(grant), false);
        await stack.delete(grant);
      });
    });

    it("DefaultPrivileges: hold for what the owner makes next, are settled, and go", async () => {
      const raw = { ...base, owner: "boss", schema: "s", objectType: "table", privileges: ["SELECT"] };
      const defaults = await stack.create("DefaultPrivileges", raw);
      assert.equal(defaults.id, "reader_shop_s_boss_table");
      await settled(defaults, raw);
      await server.query("SET ROLE boss; CREATE TABLE s.made (x int)", [], "shop");
      assert.equal(await can("has_table_privilege('reader', 's.made', 'SELECT')"), true);
      await stack.update(defaults, { ...raw, privileges: ["SELECT", "UPDATE"] });
      await settled(defaults, { ...raw, privileges: ["SELECT", "UPDATE"] });
      await stack.delete(defaults);
      assert.equal(await stack.refresh(defaults), false);
    });

    it("DefaultPrivileges: take from everyone the running of new functions", async () => {
      const raw = { role: "public", database: "shop", owner: "boss", objectType: "function", privileges: [] };
      const defaults = await stack.create("DefaultPrivileges", raw);
      assert.equal(defaults.id, "public_shop_noschema_boss_function");
      await settled(defaults, raw);
      await server.query("SET ROLE boss; CREATE FUNCTION s.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", [], "shop");
      assert.equal(await can("has_function_privilege('reader', 's.mine()', 'EXECUTE')"), false);
      await stack.delete(defaults);
    });

    it("GrantRole: joins, is settled, and leaves", async () => {
      const raw = { role: "reader", grantRole: "boss", withAdminOption: true };
      const membership = await stack.create("GrantRole", raw);
      assert.equal(membership.id, "reader_boss_true");
      await settled(membership, raw);
      await stack.delete(membership);
      assert.equal(await stack.refresh(membership), false);
    });

    it("many at once: none is lost to a concurrent change", async () => {
      const second = await open();
      const names = Array.from({ length: 12 }, (_, index) => `crowd${index}`);
      const make = (name: string, index: number) => (index % 2 === 0 ? stack : second).create("Role", { name });
      const roles = await Promise.all(names.map(make));
      const grants = await Promise.all(
        names.map((role, index) =>
          (index % 2 === 0 ? stack : second).create("Grant", {
            database: "shop",
            role,
            objectType: "database",
            privileges: ["CONNECT"],
          }),
        ),
      );
      for (const name of names) assert.equal(await can(`has_database_privilege('${name}', 'shop', 'CONNECT')`), true);
      await Promise.all(grants.map((grant) => stack.delete(grant)));
      await Promise.all(roles.map((role) => stack.delete(role)));
    });
  });

  describe("a user who is no superuser", () => {
    it("makes roles, databases and grants, and stays a member of nothing", async () => {
      await server.query("CREATE ROLE manager LOGIN CREATEDB CREATEROLE PASSWORD 'manage'");
      const managed = await open({ username: "manager", password: "manage", superuser: "false" });
      const role = await managed.create("Role", { name: "tenant", password: "x" });
      const database = await managed.create("Database", { name: "tenancy", owner: "tenant" });
      const schema = await managed.create("Schema", { name: "own", database: "tenancy", owner: "tenant" });
      const grant = await managed.create("Grant", {
        role: "tenant",
        database: "tenancy",
        schema: "own",
        objectType: "schema",
        privileges: ["USAGE"],
      });
      const held = await one("SELECT count(*)::int FROM pg_auth_members WHERE member = 'manager'::regrole");
      assert.equal(held, 0);
      for (const kept of [grant, schema, database, role]) await managed.delete(kept);
    });
  });

  describe("connections", () => {
    it("checks the certificate when told to", async () => {
      const sslrootcert = server.certificate;
      for (const sslmode of ["require", "prefer", "disable"]) {
        await (await open({ sslmode })).read({ type: Stack.type("Role"), id: "postgres" });
      }
      const full = await open({ host: "localhost", sslmode: "verify-full", sslrootcert });
      assert.ok(await full.read({ type: Stack.type("Role"), id: "postgres" }));
      const authority = await open({ sslmode: "verify-ca", sslrootcert });
      assert.ok(await authority.read({ type: Stack.type("Role"), id: "postgres" }));
      const wrongName = await open({ sslmode: "verify-full", sslrootcert });
      await assert.rejects(wrongName.read({ type: Stack.type("Role"), id: "postgres" }), /127\.0\.0\.1|altnames/);
      const unknown = await open({ sslmode: "verify-full" });
      await assert.rejects(unknown.read({ type: Stack.type("Role"), id: "postgres" }), /self.signed certificate/);
    });

    it("names host, port and user when the password is wrong, and not the password", async () => {
      const stranger = await open({ password: "guess" });
      await assert.rejects(stranger.create("Role", { name: "x" }), (error: Error) => {
        assert.match(
          error.message,
          /password authentication failed for user "postgres" \(PostgreSQL at 127\.0\.0\.1:\d+, user "postgres"/,
        );
        assert.doesNotMatch(error.message, /guess/);
        return true;
      });
    });

    it("waits for a server that is restarting, and says so", async () => {
      await server.down();
      const statuses: string[] = [];
      const config = { host: "127.0.0.1", port: server.port, username: "postgres", password: server.password };
      const patient = await Stack.open(config, { status: (urn, message) => statuses.push(`${urn} ${message}`) });
      opened.push(patient);
      const creating = patient.create("Role", { name: "patient" });
      await server.up();
      const role = await creating;
      assert.match(statuses[0] ?? "", /^urn waiting for PostgreSQL at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
      await patient.delete(role);
    });

    it("names a certificate file that cannot be read", async () => {
      await assert.rejects(
        open({ sslmode: "verify-full", sslrootcert: "/no/such.crt" }),
        /cannot read \/no\/such\.crt .*sslrootcert/,
      );
    });

    it("waits for a primary that is read-only for a while", async () => {
      await server.query("ALTER SYSTEM SET default_transaction_read_only = on");
      await server.query("SELECT pg_reload_conf()");
      while ((await one("SHOW default_transaction_read_only")) !== "on") await delay(50);
      const creating = stack.create("Role", { name: "calm" });
      await server.query("ALTER SYSTEM RESET default_transaction_read_only");
      await server.query("SELECT pg_reload_conf()");
      await stack.delete(await creating);
    });

    it("gives up on a server that is gone, and says where it looked", async () => {
      const nowhere = await open({ port: 1, connectTimeout: "1", password: "hush" });
      await assert.rejects(nowhere.create("Role", { name: "x" }), (error: Error) => {
        assert.match(
          error.message,
          /cannot create Role "x": PostgreSQL at 127\.0\.0\.1:1, database "postgres", user "postgres": cannot be reached for 1 s: .*ECONNREFUSED/,
        );
        assert.doesNotMatch(error.message, /hush/);
        return true;
      });
    });

    it("stops waiting when the run is interrupted", async () => {
      const controller = new AbortController();
      const stopped = await Stack.open({ host: "127.0.0.1", port: 1 }, { signal: controller.signal });
      const creating = stopped.create("Role", { name: "x" });
      controller.abort();
      await assert.rejects(creating, /cannot create Role "x": the run was interrupted/);
    });

    it("previews with settings that are not known yet, and without a server", async () => {
      const later = await Stack.open({ host: "127.0.0.1", port: UNKNOWN, password: UNKNOWN });
      const { outputs } = await later.preview("Database", { name: "x" });
      assert.equal(outputs.owner, UNKNOWN);
      assert.equal(outputs.connectionLimit, -1);
      const nowhere = await Stack.open({ host: "127.0.0.1", port: 1 });
      assert.equal(
        (
          await nowhere.preview("Grant", {
            role: UNKNOWN,
            database: "x",
            objectType: "database",
            privileges: ["CONNECT"],
          })
        ).outputs.role,
        UNKNOWN,
      );
      const kept = { type: Stack.type("Role"), id: "x", inputs: { name: "x" }, outputs: { name: "x" } };
      assert.deepEqual((await later.read(kept))?.outputs, { name: "x" });
    });
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { skip } from "../../../../cli/testing/skip";
import { Instance, missing } from "../../../../local/engine/providers/postgresql/testing/instance";
import type { LoginKind } from "../logins";
import { databasesPlan, passwordVariable } from "./databasesJob";

const binaries = "/usr/lib/postgresql/15/bin";
const kinds: readonly LoginKind[] = ["app", "readonly", "migrator"];
const passwordOf = (kind: string) => `secret of ${kind}`;

/** The script as the job runs it, against a server of its own. */
describe("the job that makes the databases", function () {
  this.timeout(120_000);
  let server: Instance;
  let folder: string;

  before(async function () {
    const reason = missing();
    if (reason) skip(this, reason);
    server = await Instance.start({ settings: { shared_preload_libraries: "pg_stat_statements" } });
    folder = await mkdtemp(join(tmpdir(), "ballast-databases-"));
    await copyFile(join(__dirname, "databases.py"), join(folder, "databases.py"));
    await plan(20);
  });
  after(async () => {
    await server?.remove();
    if (folder) await rm(folder, { recursive: true });
  });

  const plan = (connectionLimit: number) =>
    writeFile(
      join(folder, "databases.json"),
      JSON.stringify(databasesPlan([{ name: "taskdb", namespace: "apps", connectionLimit }])),
    );

  async function run(changed: Readonly<Record<string, string | undefined>> = {}) {
    const passwords = kinds.map((kind) => [passwordVariable("taskdb", kind), passwordOf(kind)] as const);
    const child = spawn("python3", ["-I", join(folder, "databases.py")], {
      env: {
        PATH: `${binaries}:${process.env["PATH"] ?? ""}`,
        PGHOST: "127.0.0.1",
        PGPORT: String(server.port),
        PGUSER: "postgres",
        PGPASSWORD: server.password,
        PGSSLMODE: "require",
        MONITOR_PASSWORD: passwordOf("monitor"),
        ...Object.fromEntries(passwords),
        ...changed,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  }

  async function as<T>(kind: LoginKind, sql: string): Promise<T[]> {
    const client = server.client(`taskdb_${kind}`, passwordOf(kind), "taskdb");
    await client.connect();
    try {
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  }

  it("makes them with their roles, and the migrator's tables are the owner's", async () => {
    const { code, stderr } = await run();
    assert.equal(code, 0, stderr);
    await as("migrator", "CREATE TABLE notes (id serial PRIMARY KEY, word text NOT NULL)");
    const [table] = await as<{ tableowner: string }>(
      "readonly",
      "SELECT tableowner FROM pg_tables WHERE tablename = 'notes'",
    );
    assert.equal(table?.tableowner, "taskdb_owner");
  });

  it("gives each role the rights on rows that are its own, and no more", async () => {
    await as("app", "INSERT INTO notes (word) VALUES ('first')");
    assert.deepEqual(await as("readonly", "SELECT word FROM notes"), [{ word: "first" }]);
    await assert.rejects(as("readonly", "INSERT INTO notes (word) VALUES ('no')"), /permission denied for table notes/);
    await assert.rejects(as("app", "CREATE TABLE mine (id int)"), /permission denied for schema public/);
    await assert.rejects(as("app", "DROP TABLE notes"), /must be owner of table notes/);
    await assert.rejects(
      server.client("monitor", passwordOf("monitor"), "taskdb").connect(),
      /permission denied for database/,
    );
    const roles = await server.query(
      "SELECT rolname, rolcanlogin, rolsuper, rolconnlimit FROM pg_roles WHERE rolname ~ '^(taskdb|monitor)' ORDER BY 1",
    );
    assert.deepEqual(
      roles.map((role) => [role["rolname"], role["rolcanlogin"], role["rolsuper"], role["rolconnlimit"]]),
      [
        ["monitor", true, false, 5],
        ["taskdb_app", true, false, 20],
        ["taskdb_migrator", true, false, 3],
        ["taskdb_owner", false, false, -1],
        ["taskdb_readonly", true, false, 20],
      ],
    );
  });

  it("changes nothing when it is done again, but what is wanted otherwise", async () => {
    const before = await server.query("SELECT oid, datname, datacl::text FROM pg_database ORDER BY 1");
    await plan(30);
    const { code, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.deepEqual(await server.query("SELECT oid, datname, datacl::text FROM pg_database ORDER BY 1"), before);
    assert.deepEqual(await as("app", "SELECT word FROM notes"), [{ word: "first" }]);
    assert.deepEqual(await server.query("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'taskdb_app'"), [
      { rolconnlimit: 30 },
    ]);
  });

  it("lets no password into the server's log or its statistics, nor into what it says", async () => {
    const { stdout, stderr } = await run();
    const statistics = JSON.stringify(await server.query("SELECT query FROM pg_stat_statements"));
    assert.match(statistics, /ALTER ROLE taskdb_app/);
    for (const place of [stdout, stderr, await server.log(), statistics]) {
      for (const kind of [...kinds, "monitor"]) assert.ok(!place.includes(passwordOf(kind)));
      assert.ok(!place.includes(server.password));
    }
  });

  it("says which password is missing, and leaves the server as it is", async () => {
    const before = await server.query("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1");
    const { code, stderr } = await run({ TASKDB_APP_PASSWORD: undefined });
    assert.equal(code, 1);
    assert.match(stderr, /the environment has no TASKDB_APP_PASSWORD/);
    assert.deepEqual(await server.query("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1"), before);
  });

  it("refuses a name that would need quotes", async () => {
    const file = join(folder, "databases.json");
    const good = await readFile(file, "utf8");
    await writeFile(file, good.replace('"taskdb"', '"task;db"'));
    const { code, stderr } = await run();
    await writeFile(file, good);
    assert.equal(code, 1);
    assert.match(stderr, /'task;db' is no name/);
  });
});

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { skip } from "../../../cli/testing/skip";
import { Instance, missing } from "../../../local/engine/providers/postgresql/testing/instance";

const MAIN = join(__dirname, "../main.ts");

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

describe("taskdb: the process", function () {
  this.timeout(60_000);
  let server: Instance;
  const started: ChildProcess[] = [];

  before(async function () {
    const reason = missing();
    if (reason) skip(this, reason);
    server = await Instance.start();
    await server.query("CREATE DATABASE taskdb");
    const migrated = run(["migrate", "up"], {});
    assert.deepEqual(await once(migrated, "exit"), [0, null]);
  });
  after(async () => {
    for (const child of started) child.kill("SIGKILL");
    await server?.remove();
  });

  function run(args: string[], env: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TASKDB_BACKEND: "postgres",
        PGHOST: "127.0.0.1",
        PGPORT: String(server.port),
        PGUSER: "postgres",
        PGPASSWORD: server.password,
        TASKDB_HOST: "127.0.0.1",
        ...env,
      },
    });
    started.push(child);
    return child;
  }
  /** A service that answers, its address, and what it has logged. */
  async function serve(env: Record<string, string>): Promise<{ child: ChildProcess; url: string; log: Line[] }> {
    const child = run(["serve"], { TASKDB_PORT: "0", TASKDB_METRICS_PORT: "0", ...env });
    const log: Line[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      if (!child.stdout) throw new Error("the service has no output");
      createInterface({ input: child.stdout }).on("line", (text) => {
        const line = JSON.parse(text) as Line;
        log.push(line);
        const found = /^Server listening at (http:.*)$/.exec(line.msg);
        if (found?.[1]) resolve(found[1]);
      });
      child.once("exit", (code) => reject(new Error(`the service ended with ${code}: ${JSON.stringify(log)}`)));
    });
    return { child, url, log };
  }

  it("loses no acknowledged write when it is told to end under load", async () => {
    const { child, url, log } = await serve({ TASKDB_DRAIN_DELAY_MS: "600" });
    const agent = new Agent({ connections: 16 });
    const acknowledged: string[] = [];
    const other: number[] = [];
    let stopped = false;
    const writer = async (): Promise<void> => {
      const body = JSON.stringify({ title: "Under load", policy_version: "1.1.0" });
      while (!stopped) {
        try {
          const headers = { "content-type": "application/json" };
          const answer = await request(`${url}/api/v1/tasks`, { method: "POST", body, headers, dispatcher: agent });
          const { id } = (await answer.body.json()) as { id: string };
          if (answer.statusCode === 201) acknowledged.push(id);
          else other.push(answer.statusCode);
        } catch {
          // Refused: it is gone.
          await sleep(5);
        }
      }
    };
    const writers = Array.from({ length: 16 }, writer);
    while (acknowledged.length < 100) await sleep(10);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    while (!log.some(({ msg }) => msg === "draining")) await sleep(5);
    const before = acknowledged.length;
    const ready = await request(`${url}/readyz`, { dispatcher: agent });
    assert.equal(ready.statusCode, 503);
    assert.match(await ready.body.text(), /told to end/);
    while (acknowledged.length < before + 20) await sleep(5);
    assert.deepEqual(await ended, [0, null]);
    stopped = true;
    await Promise.all(writers);
    await agent.close();
    assert.ok(log.some(({ msg }) => msg === "drained"));
    assert.deepEqual(other, []);
    const found = await server.query(
      "SELECT t.id FROM tasks t JOIN events e ON e.entity_id = t.id WHERE t.id = ANY ($1)",
      [acknowledged],
      "taskdb",
    );
    assert.equal(found.length, acknowledged.length);
    const [halves] = await server.query(
      "SELECT (SELECT count(*) FROM tasks) - (SELECT count(*) FROM events WHERE kind = 'task.created') AS n",
      [],
      "taskdb",
    );
    assert.equal(halves?.n, "0");
    const lines = JSON.stringify(log);
    assert.doesNotMatch(lines, /Under load/);
    assert.ok(!lines.includes(server.password));
    assert.ok(log.some((line) => line.msg === "answered" && line.path === "/api/v1/tasks" && line.request));
  });

  it("ends at once at a second signal", async () => {
    const { child, log } = await serve({ TASKDB_DRAIN_DELAY_MS: "50000", TASKDB_DRAIN_TIMEOUT_MS: "55000" });
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    while (!log.some(({ msg }) => msg === "draining")) await sleep(5);
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [1, null]);
  });

  it("ends within its time when a request does not", async () => {
    const { child, url, log } = await serve({ TASKDB_DRAIN_DELAY_MS: "0", TASKDB_DRAIN_TIMEOUT_MS: "500" });
    const client = server.client("postgres", server.password, "taskdb");
    await client.connect();
    await client.query("BEGIN; LOCK TABLE tasks");
    const body = JSON.stringify({ title: "Waits", policy_version: "1.1.0" });
    const headers = { "content-type": "application/json" };
    const lost = request(`${url}/api/v1/tasks`, { method: "POST", body, headers }).catch((error: Error) => error);
    const waits = "SELECT FROM pg_stat_activity WHERE datname = 'taskdb' AND wait_event_type = 'Lock'";
    while ((await server.query(waits)).length === 0) await sleep(20);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [1, null]);
    assert.ok((await lost) instanceof Error);
    await client.end();
    assert.ok(log.some(({ msg }) => msg.startsWith("requests were still under way")));
  });

  it("serves its metrics apart from the API, those of upkeep and of the pool among them", async () => {
    const port = await freePort();
    const { child, url } = await serve({ TASKDB_METRICS_PORT: String(port), TASKDB_MAINTENANCE_INTERVAL_MS: "100" });
    const metrics = async (): Promise<string> => (await request(`http://127.0.0.1:${port}/metrics`)).body.text();
    while (!/taskdb_maintenance_rounds_total\{status="pass"\} [2-9]/.test(await metrics())) await sleep(50);
    assert.match(await metrics(), /taskdb_pool_connections\{state="idle"\} \d/);
    assert.match(await metrics(), /nodejs_eventloop_lag_seconds/);
    assert.equal((await request(`${url}/metrics`)).statusCode, 404);
    child.kill("SIGKILL");
  });

  it("says which variable is wrong, and shows no secret", async () => {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, "serve"], {
      env: { PATH: process.env.PATH, TASKDB_BACKEND: "postgres", TASKDB_POSTGRES_URL: "secret", TASKDB_PORT: "http" },
    });
    started.push(child);
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    assert.deepEqual(await once(child, "close"), [1, null]);
    assert.match(text, /TASKDB_PORT is "http": it must be a whole number from 0 to 65535/);
    assert.match(text, /TASKDB_POSTGRES_URL is \(not shown\)/);
    assert.doesNotMatch(text, /secret/);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

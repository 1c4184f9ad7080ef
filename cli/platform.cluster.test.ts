import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { measureFailovers } from "../chaos/postgres-failover";
import type { Journal } from "../chaos/run/journal";
import { node } from "../local/cluster";
import { lines, sharedCluster, type SharedCluster } from "../local/cluster/testing";
import { root } from "./place";

/** The main job as a newcomer does it, through the command line, on a copy of the project whose stack files may be edited. */
describe("the platform", function () {
  this.timeout(600_000);
  let cluster: SharedCluster;
  let copy: string;
  let environment: NodeJS.ProcessEnv;

  before(async () => {
    cluster = await sharedCluster();
    copy = await mkdtemp(join(tmpdir(), "ballast-platform-"));
    const left = new Set(["node_modules", ".git", ".pulumi", ".ballast"]);
    await cp(root, copy, { recursive: true, filter: (source) => !left.has(basename(source)) });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    environment = {
      ...process.env,
      BALLAST_CLUSTER: cluster.name,
      PULUMI_BACKEND_URL: `file://${copy}`,
      PULUMI_CONFIG_PASSPHRASE: "of the test",
    };
  });
  after(() => rm(copy, { recursive: true, force: true }));

  async function run(command: string, args: readonly string[]): Promise<string> {
    const child = spawn(command, args, { cwd: copy, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    assert.equal(code, 0, `${command} ${args.join(" ")} ended with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async function ballast<T>(...args: string[]): Promise<T> {
    return JSON.parse(await run(process.execPath, ["cli/ballast.mjs", ...args, "--json"])) as T;
  }

  interface Outcome {
    readonly changeSummary: Readonly<Record<string, number>>;
    readonly steps: readonly { readonly op: string; readonly urn: string }[];
  }
  const up = () => ballast<Outcome>("up", "local", "--engine", "embedded", "--yes");

  const kubectl = (...args: string[]) => run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args]);
  async function objects<T>(...args: string[]): Promise<T[]> {
    return (JSON.parse(await kubectl("get", ...args, "-o", "json")) as { items: T[] }).items;
  }
  async function object<T>(...args: string[]): Promise<T> {
    return JSON.parse(await kubectl("get", ...args, "-o", "json")) as T;
  }

  interface PostgresOutput {
    readonly namespace: string;
    readonly name: string;
    readonly instances: number;
    readonly superuserSecret: string;
    readonly primary: { readonly nodePort: number };
    readonly replicas: { readonly nodePort: number };
  }
  interface DatabaseOutput {
    readonly name: string;
    readonly namespace: string;
    readonly secrets: Readonly<Record<"migrator" | "app" | "readonly", string>>;
  }
  interface ServiceOutput {
    readonly namespace: string;
    readonly name: string;
    readonly nodePort: number;
  }
  interface GatewayOutput {
    readonly domain: string;
    readonly ports: { readonly http: number; readonly https: number };
    readonly authority: string;
  }
  const postgres = () => ballast<PostgresOutput>("output", "local", "postgres");

  /** Does one thing as a role of the database, through a Service's node port on this machine. */
  async function as<T>(role: "migrator" | "app" | "readonly", port: number, work: (client: Client) => Promise<T>) {
    const databases = await ballast<DatabaseOutput[]>("output", "local", "databases");
    const taskdb = databases.find((each) => each.name === "taskdb");
    assert.ok(taskdb);
    const { namespace, secrets } = taskdb;
    const { data } = await object<{ data: Record<string, string> }>("secret", "--namespace", namespace, secrets[role]);
    const value = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
    const client = new Client({
      host: "127.0.0.1",
      port,
      user: value("username"),
      password: value("password"),
      database: value("database"),
      ssl: { rejectUnauthorized: false },
    });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  const stateFile = () => join(copy, ".pulumi", "stacks", "ballast", "local.json");

  it("comes up from its stack file, every component ready", async () => {
    const { changeSummary } = await up();
    assert.ok((changeSummary["create"] ?? 0) > 0);
    const components = await ballast<{ component: string; ready: boolean }[]>("status", "local");
    assert.ok(components.length > 0);
    assert.deepEqual(
      components.filter(({ ready }) => !ready),
      [],
    );
  });

  it("takes writes at the primary's Service, and is read at the replicas', each role within its rights", async () => {
    const { primary, replicas } = await postgres();
    await as("migrator", primary.nodePort, (client) => client.query("CREATE TABLE notes (word text NOT NULL)"));
    await as("app", primary.nodePort, (client) => client.query("INSERT INTO notes VALUES ('first')"));
    await as("readonly", replicas.nodePort, async (client) => {
      const words = async () => (await client.query<{ word: string }>("SELECT word FROM notes")).rows;
      // Replication is waited for on one replica only; this may be the other.
      while ((await words()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(await words(), [{ word: "first" }]);
    });
    await assert.rejects(
      as("readonly", primary.nodePort, (client) => client.query("INSERT INTO notes VALUES ('no')")),
      /permission denied for table notes/,
    );
    await assert.rejects(
      as("app", replicas.nodePort, (client) => client.query("INSERT INTO notes VALUES ('no')")),
      /read-only transaction/,
    );
  });

  it("keeps a task through the task database's node port, under an idempotency key once", async () => {
    const { nodePort } = await ballast<ServiceOutput>("output", "local", "taskdb");
    const at = `http://127.0.0.1:${nodePort}/api/v1/tasks`;
    const create = async () => {
      const response = await fetch(at, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "platform-test" },
        body: JSON.stringify({ title: "platform", policy_version: "1.0" }),
      });
      assert.equal(response.status, 201);
      return ((await response.json()) as { id: string }).id;
    };
    const id = await create();
    assert.equal(await create(), id);
    const status = (await (await fetch(`${at}/${id}/status`)).json()) as { status_derived: string };
    assert.equal(status.status_derived, "pending");
  });

  it("scales the task database by what its pods use", async () => {
    interface Autoscaler {
      readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
    }
    const { namespace, name } = await ballast<ServiceOutput>("output", "local", "taskdb");
    const measured = async () => {
      const { status } = await object<Autoscaler>("horizontalpodautoscaler", name, "--namespace", namespace);
      return status?.conditions?.some((condition) => condition.type === "ScalingActive" && condition.status === "True");
    };
    // The pods' first figures come with metrics-server's next round.
    while (!(await measured())) await new Promise((resolve) => setTimeout(resolve, 1000));
  });

  /** When the engine last wrote each object of the data namespace, by the API server's own record. */
  async function versions(): Promise<Map<string, string>> {
    interface Written {
      readonly kind: string;
      readonly metadata: {
        readonly name: string;
        readonly uid: string;
        readonly managedFields: readonly { readonly manager: string; readonly time: string }[];
      };
    }
    const kinds =
      "configmaps,secrets,services,statefulsets,resourcequotas,limitranges,networkpolicies,roles,rolebindings";
    const found = await objects<Written>(kinds, "--namespace", "data", "--show-managed-fields");
    return new Map(
      found.map(({ kind, metadata: { name, uid, managedFields } }) => {
        const ours = managedFields.filter(({ manager }) => manager.startsWith("pulumi")).map(({ time }) => time);
        return [`${kind}/${name}`, [uid, ...ours].join(" ")];
      }),
    );
  }

  it("is not touched by a second up", async () => {
    const [state, before] = [await readFile(stateFile()), await versions()];
    const { changeSummary, steps } = await up();
    // What is somebody else's is read each time.
    assert.deepEqual(Object.keys(changeSummary).sort(), ["read", "same"]);
    assert.deepEqual(
      steps.filter(({ op }) => op !== "same" && op !== "read"),
      [],
    );
    assert.deepEqual(await readFile(stateFile()), state);
    assert.deepEqual(await versions(), before);
  });

  it("changes only what one changed value is about", async () => {
    const file = join(copy, "stacks", "Pulumi.local.yaml");
    const before = await versions();
    const settings = await readFile(file, "utf8");
    const raised = settings.replace(/pods: (\d+)/, (_, pods) => `pods: ${Number(pods) + 1}`);
    assert.notEqual(raised, settings);
    await writeFile(file, raised);
    const { changeSummary, steps } = await up();
    assert.deepEqual(
      steps.map(({ op, urn }) => [op, urn.split("::").at(-2)?.split("$").at(-1)]),
      [["update", "kubernetes:core/v1:ResourceQuota"]],
    );
    assert.equal(changeSummary["update"], 1);
    const after = await versions();
    assert.deepEqual(
      [...after].filter(([name, version]) => before.get(name) !== version).map(([name]) => name),
      ["ResourceQuota/quota"],
    );
    const quota = await object<{ spec: { hard: { pods: string } } }>("resourcequota", "quota", "--namespace", "data");
    assert.equal(quota.spec.hard.pods, /pods: (\d+)/.exec(raised)?.[1]);
  });

  it("lets nobody reach Postgres or the task database who has not said so", async () => {
    const { name, namespace } = await postgres();
    const dial = `import socket; socket.create_connection(("${name}.${namespace}.svc", 5432), 3)`;
    const from = (workload: string, container: string, where: string) =>
      kubectl("exec", "--namespace", where, workload, "--container", container, "--", "python3", "-c", dial);
    await from(`pod/${name}-0`, "guard", namespace);
    await assert.rejects(from("deployment/edge-front", "front", "edge"), /timed out|TimeoutError/);
    const taskdb = await ballast<ServiceOutput>("output", "local", "taskdb");
    const toTaskdb = `import socket; socket.create_connection(("${taskdb.name}.${taskdb.namespace}.svc", 9091), 3)`;
    await assert.rejects(
      kubectl("exec", "--namespace", "edge", "deployment/edge-front", "--", "python3", "-c", toTaskdb),
      /timed out|TimeoutError/,
    );
  });

  it("ends TLS at the edge by a certificate of its own authority, and sends HTTP there", async () => {
    const { domain, ports, authority } = await ballast<GatewayOutput>("output", "local", "gateway");
    const host = `app.${domain}`;
    const ca = join(copy, "authority.pem");
    await writeFile(ca, authority);
    const curl = (scheme: "http" | "https", port: number) =>
      run("curl", [
        ...["--silent", "--show-error", "--head", "--cacert", ca],
        ...["--resolve", `${host}:${port}:127.0.0.1`, `${scheme}://${host}:${port}/`],
      ]);
    assert.match(await curl("https", ports.https), /^HTTP\/2 200/);
    const redirect = await curl("http", ports.http);
    assert.match(redirect, /^HTTP\/1\.1 30[18]/);
    assert.match(redirect, new RegExp(`location: https://${host}`, "i"));
  });

  it("lets nobody run by hand what the policy pack refuses", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "limitless", namespace: "data" },
      // All that the namespace's Pod Security level asks for, and no limits.
      spec: {
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "app",
            image: "docker.io/library/debian:bookworm-slim",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    };
    const file = join(copy, "limitless.json");
    await writeFile(file, JSON.stringify(pod));
    await assert.rejects(kubectl("apply", "--filename", file), /ValidatingAdmissionPolicy .*container-resources-set/);
  });

  it("goes on without its primary, and loses no acknowledged write", async () => {
    const where = await postgres();
    const [figures] = await measureFailovers({
      postgres: { ...where, nodeAddress: "127.0.0.1", kubeconfig: cluster.kubeconfig },
      nodes: {
        partition: (name) => node.partition(cluster.name, name, lines),
        heal: (name) => node.heal(cluster.name, name, lines),
      },
      faults: ["killed"],
      runs: 1,
    });
    assert.ok(figures);
    assert.ok(figures.audit.acknowledged > 0);
    assert.deepEqual([figures.audit.lost, figures.audit.duplicated], [[], []]);
    assert.notEqual(figures.runs[0]?.to, figures.runs[0]?.from);
    const { primary } = await postgres();
    const kept = await as("readonly", primary.nodePort, (client) => client.query("SELECT word FROM notes"));
    assert.deepEqual(kept.rows, [{ word: "first" }]);
  });

  for (const experiment of ["taskdb-pod-kill", "postgres-primary-kill"]) {
    it(`holds through the experiment ${experiment}, in which a seeded loss, duplicate and stale read are found`, async () => {
      const { journals } = await ballast<{ journals: readonly Journal[] }>("chaos", "run", experiment);
      const [journal] = journals;
      assert.deepEqual([journal?.status, journal?.deviated], ["completed", false], journal?.ballast.reason);
      assert.match(journal?.run[0]?.evidence[0] ?? "", /^pod \S+ with uid \S+ is gone/);
      const { acknowledged = 0, lost, duplicated, stale, readFrom } = journal?.ballast.ledger ?? {};
      assert.ok(acknowledged > 0);
      assert.deepEqual([lost, duplicated, stale], [0, 0, 0]);
      assert.deepEqual(readFrom, ["postgres-0", "postgres-1", "postgres-2"]);
      assert.equal(await run(process.execPath, ["cli/ballast.mjs", "chaos", "undo"]), "nothing is left to undo\n");
    });
  }

  it("leaves nothing when it is destroyed", async () => {
    await ballast("destroy", "local", "--engine", "embedded", "--yes");
    const ours = ["--selector", "app.kubernetes.io/part-of=ballast"];
    const kinds =
      "namespaces,clusterroles,clusterrolebindings,priorityclasses,storageclasses,customresourcedefinitions";
    assert.deepEqual(await objects(kinds, ...ours), []);
    // A volume goes after its claim, at the volume controller's own pace.
    interface Volume {
      readonly spec: { readonly claimRef?: { readonly namespace: string } };
    }
    const volumes = async () =>
      (await objects<Volume>("persistentvolumes")).filter(({ spec }) => spec.claimRef?.namespace === "data");
    while ((await volumes()).length > 0) await new Promise((resolve) => setTimeout(resolve, 200));
    interface State {
      readonly checkpoint: { readonly latest: { readonly resources?: readonly { readonly urn: string }[] } };
    }
    const { checkpoint } = JSON.parse(await readFile(stateFile(), "utf8")) as State;
    assert.deepEqual(checkpoint.latest.resources?.map(({ urn }) => urn) ?? [], []);
  });
});

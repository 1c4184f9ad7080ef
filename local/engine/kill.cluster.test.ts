import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { exportState } from ".";
import { Cluster } from "./providers/kubernetes/cluster";
import { settingsOf } from "./providers/kubernetes/config";
import { mapsAt, text as textAt, type JsonMap } from "./providers/kubernetes/object";
import { bench, recordingContext, testKubeconfig } from "./providers/kubernetes/testing/harness";
import type { KilledRun, Moment } from "./testing/killed-run";
import { killProcessesWith, processesWith } from "./testing/processes";
import { TestProject } from "./testing/project";

const label = "ballast-test";
/** Another seed is other moments. */
const seed = Number(process.env["BALLAST_TEST_SEED"] ?? 20261122);
const lives = 4;
/** Every run of the program below writes at least so many lines to its journal. */
const linesOfRun = 22;

/**
 * Two versions of a program, over the providers `kubernetes` and `random`. Most names are automatic. Between the versions objects are updated,
 * replaced (the new one first, and the old one first), created and deleted.
 */
const program = (kubeconfig: string, namespace: string, version: 1 | 2): string => `
  import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
  import { Secret } from "@pulumi/kubernetes/core/v1/secret";
  import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
  import { Provider } from "@pulumi/kubernetes/provider";
  import { RandomPassword } from "@pulumi/random/randomPassword";
  import { RandomPet } from "@pulumi/random/randomPet";

  const provider = new Provider("cluster", { kubeconfig: ${JSON.stringify(kubeconfig)}, namespace: "${namespace}" });
  const metadata = { labels: { "${label}": "kill" } };
  const options = { provider };
  const pet = new RandomPet("pet");
  const password = new RandomPassword("password", { length: 20 });
  const base = new ConfigMap("base", { metadata, data: { pet: pet.id, version: "${version}" } }, options);
  for (const part of ["a", "b", "c", "d"]) {
    new ConfigMap(part, { metadata, data: { base: base.metadata.name, version: "${version}" } }, options);
  }
  new ConfigMap("fixed", { metadata: { ...metadata, name: "fixed" }, data: { version: "${version}" } }, options);
  new ConfigMap("frozen", { metadata: { ...metadata, name: "frozen" }, immutable: true, data: { version: "${version}" } }, options);
  new Secret("key", { metadata, immutable: true, stringData: { password: password.result, version: "${version}" } }, options);
  new ServiceAccount("kept", { metadata: { labels: { ...metadata.labels, version: "${version}" } } }, options);
  new ServiceAccount("only-in-${version}", { metadata }, options);
  export const version = base.data.version;
`;

/** A small generator of even numbers from 0 to 1: the same seed, the same moments. */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("kill -9 of the engine (real API server)", function () {
  this.timeout(300_000);
  const marker = randomUUID();
  const random = generator(seed);
  let kubeconfig: string;
  let place: Awaited<ReturnType<typeof bench>>;
  let direct: Cluster;
  let project: TestProject;

  before(async function () {
    this.timeout(600_000);
    kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    direct = new Cluster(settingsOf({ kubeconfig }), recordingContext(), true);
    project = new TestProject({ name: "killed", program: "" });
  });
  afterEach(() => killProcessesWith("BALLAST_TEST_RUN", marker));
  after(async () => {
    (project as typeof project | undefined)?.remove();
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });

  /** Resolves to how the run's process ended, and what it said. */
  async function run(operation: "up" | "destroy", kill?: Moment): Promise<{ signal: string | null; said: string }> {
    const { projectDir, stack } = project.options();
    const asked: KilledRun = {
      ...{ operation, projectDir, stack, passphrase: project.passphrase },
      ...(kill === undefined ? {} : { kill }),
    };
    const child = spawn(
      process.execPath,
      ["--import", "tsx", path.join(__dirname, "testing", "killed-run.ts"), JSON.stringify(asked)],
      { env: { ...process.env, BALLAST_TEST_RUN: marker }, stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    const [out, error, [, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null, string | null]>,
    ]);
    return { signal, said: out + error };
  }

  /** Kills a run at a moment drawn by lot. The program must end with it: nothing may go on behind the next run's back. */
  async function killed(operation: "up" | "destroy"): Promise<string> {
    const line = 2 + Math.floor(random() * (linesOfRun - 1));
    const written = (["nothing", "half", "all"] as const)[Math.floor(random() * 3)] ?? "all";
    const moment = `${operation} killed at line ${line} of its journal, ${written} of it written (seed ${seed})`;
    const { signal, said } = await run(operation, { line, written });
    assert.equal(signal, "SIGKILL", `${moment}: the run ended by itself: ${said}`);
    while (processesWith("BALLAST_TEST_RUN", marker).length > 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return moment;
  }

  async function succeeds(operation: "up" | "destroy", after: string): Promise<void> {
    const { said } = await run(operation);
    assert.match(said, /^{"result":"succeeded"/, `${operation} after ${after}`);
    assert.deepEqual(project.leftovers(), [], `after ${after}`);
  }

  async function live(): Promise<JsonMap[]> {
    const kinds = ["configmaps", "secrets", "serviceaccounts"].map(async (plural) => {
      const request = `/api/v1/namespaces/${place.namespace}/${plural}?labelSelector=${label}%3Dkill`;
      return mapsAt((await direct.parts().client.request({ method: "GET", path: request })).body, "items");
    });
    return (await Promise.all(kinds)).flat();
  }

  interface Recorded {
    readonly urn: string;
    readonly type: string;
    readonly id?: string;
    readonly outputs?: { readonly metadata?: { readonly resourceVersion: string }; readonly [key: string]: unknown };
    readonly initErrors?: string[];
    readonly delete?: boolean;
  }
  const nameIn = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);

  /** The state and the cluster tell the same, object by object, and nothing is left open. */
  async function assertWhole(version: 1 | 2, after: string): Promise<void> {
    const { deployment } = await exportState({ ...project.options(), showSecrets: true });
    assert.equal(deployment.pending_operations, undefined, after);
    const recorded = deployment.resources as unknown as Recorded[];
    const objects = recorded.filter(({ type }) => type.startsWith("kubernetes:"));
    assert.deepEqual(
      objects.map(({ urn }) => nameIn(urn)).sort(),
      ["a", "b", "base", "c", "d", "fixed", "frozen", "kept", "key", `only-in-${version}`],
      after,
    );
    assert.deepEqual(
      recorded.filter((each) => each.initErrors !== undefined || each.delete === true).map(({ urn }) => urn),
      [],
      after,
    );
    const versionOf = ({ id, outputs }: Recorded): string => `${id}@${outputs?.metadata?.resourceVersion}`;
    const found = await live();
    assert.deepEqual(
      found
        .map((object) => {
          const at = (key: string): string => textAt(object, "metadata", key);
          return `${at("namespace")}/${at("name")}@${at("resourceVersion")}`;
        })
        .sort(),
      objects.map(versionOf).sort(),
      after,
    );
    for (const object of found.filter(({ data }) => data !== undefined)) {
      const value = textAt(object, "data", "version");
      assert.equal(value.length > 1 ? Buffer.from(value, "base64").toString() : value, String(version), after);
    }
    const password = recorded.find(({ urn }) => nameIn(urn) === "password")?.outputs?.["result"];
    const key = found.find(({ data }) => (data as JsonMap | undefined)?.["password"] !== undefined) ?? {};
    const inCluster = Buffer.from(textAt(key, "data", "password"), "base64").toString();
    assert.equal(JSON.stringify(inCluster), (password as { plaintext?: string } | undefined)?.plaintext, after);
  }

  for (let life = 1; life <= lives; life++) {
    it(`life ${life}: created, changed and destroyed, each killed once and then run again`, async () => {
      for (const version of [1, 2] as const) {
        project.write(program(kubeconfig, place.namespace, version));
        const moment = await killed("up");
        await succeeds("up", moment);
        await assertWhole(version, `version ${version}, ${moment}`);
      }
      const moment = await killed("destroy");
      await succeeds("destroy", moment);
      assert.deepEqual(await live(), [], moment);
      assert.equal((await exportState(project.options())).deployment.resources, undefined, moment);
    });
  }
});

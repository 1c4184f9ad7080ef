import assert from "node:assert/strict";
import { exportState } from ".";
import { Cluster } from "./providers/kubernetes/cluster";
import { settingsOf } from "./providers/kubernetes/config";
import { mapsAt, text, type JsonMap } from "./providers/kubernetes/object";
import { bench, recordingContext, testKubeconfig } from "./providers/kubernetes/testing/harness";
import { Kills } from "./testing/kills";
import { TestProject } from "./testing/project";

const label = "ballast-test";
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

describe("kill -9 of the engine (real API server)", function () {
  this.timeout(300_000);
  const kills = new Kills(() => project);
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
  afterEach(() => kills.end());
  after(async () => {
    (project as typeof project | undefined)?.remove();
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });

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
          const at = (key: string): string => text(object, "metadata", key);
          return `${at("namespace")}/${at("name")}@${at("resourceVersion")}`;
        })
        .sort(),
      objects.map(versionOf).sort(),
      after,
    );
    for (const object of found.filter(({ data }) => data !== undefined)) {
      const value = text(object, "data", "version");
      assert.equal(value.length > 1 ? Buffer.from(value, "base64").toString() : value, String(version), after);
    }
    const password = recorded.find(({ urn }) => nameIn(urn) === "password")?.outputs?.["result"];
    const key = found.find(({ data }) => (data as JsonMap | undefined)?.["password"] !== undefined) ?? {};
    const inCluster = Buffer.from(text(key, "data", "password"), "base64").toString();
    assert.equal(JSON.stringify(inCluster), (password as { plaintext?: string } | undefined)?.plaintext, after);
  }

  for (let life = 1; life <= lives; life++) {
    it(`life ${life}: created, changed and destroyed, each killed once and then run again`, async () => {
      for (const version of [1, 2] as const) {
        project.write(program(kubeconfig, place.namespace, version));
        const moment = await kills.killed("up", linesOfRun);
        await kills.succeeds("up", moment);
        await assertWhole(version, `version ${version}, ${moment}`);
      }
      const moment = await kills.killed("destroy", linesOfRun);
      await kills.succeeds("destroy", moment);
      assert.deepEqual(await live(), [], moment);
      assert.equal((await exportState(project.options())).deployment.resources, undefined, moment);
    });
  }
});

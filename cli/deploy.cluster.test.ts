import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hostUnfit } from "../local/cluster";
import { sharedCluster, type SharedCluster } from "../local/cluster/testing";
import { exit } from "./errors";
import { Checkout, type Ended } from "./testing/checkout";
import { skip } from "./testing/skip";
import { commandsOf, workflow } from "./testing/workflow";

const NAMESPACE = "deploy-test";
/** In place of ours, which would have a program of this size be a platform. */
const pack = `
  import { PolicyPack } from "@pulumi/policy";
  new PolicyPack("lenient", { policies: [] });
`;
const program = `
  import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
  import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
  import { Secret } from "@pulumi/kubernetes/core/v1/secret";
  const space = new Namespace("space", { metadata: { name: "${NAMESPACE}" } });
  const metadata = (name: string) => ({ name, namespace: space.metadata.name });
  new ConfigMap("settings", { metadata: metadata("settings"), data: { word: "declared" } });
  new ConfigMap("scaled", { metadata: metadata("scaled"), data: { count: "1" } }, { ignoreChanges: ["data.count"] });
  new Secret("key", { metadata: metadata("key"), stringData: { key: "swordfish" } });
`;

describe("a deployment, and what is changed behind its back", function () {
  this.timeout(300_000);
  let cluster: SharedCluster;
  let checkout: Checkout;

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args]);
    return stdout.trim();
  };
  const drift = (...args: string[]): Promise<Ended> => checkout.ballast(["drift", "dev", ...args]);
  /** Every file of the state, with its content. */
  const state = (): string[] =>
    readdirSync(join(checkout.folder, ".pulumi"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}: ${readFileSync(join(parentPath, name), "utf8")}`)
      .sort();

  before(async function () {
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    checkout = await Checkout.make({ KUBECONFIG: cluster.kubeconfig, STACK: "dev" });
    await checkout.declare(program);
    writeFileSync(join(checkout.folder, "policies", "index.ts"), pack);
  });
  after(async () => {
    if (cluster === undefined) return;
    await kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false");
    await checkout.remove();
  });

  it("goes by the steps of the workflow, one after another, from nothing", async () => {
    const { deploy } = workflow("deploy.yml").jobs;
    assert.ok(deploy);
    const commands = commandsOf(deploy).filter((each) => each.startsWith("node cli/ballast.mjs "));
    assert.equal(commands.length, 4);
    for (const command of commands) {
      const { stdout, stderr } = await promisify(execFile)("bash", ["-ec", command], {
        cwd: checkout.folder,
        env: checkout.environment,
      });
      if (command.includes(" drift ")) assert.match(stdout, /nothing is up, so nothing can have drifted/, stderr);
    }
    assert.equal(
      await kubectl("get", "configmap", "settings", "-n", NAMESPACE, "-o", "jsonpath={.data.word}"),
      "declared",
    );
  });

  it("has not drifted afterwards, whatever only the cluster knows of it", async () => {
    await kubectl("annotate", "configmap", "settings", "-n", NAMESPACE, "example.com/note=undeclared");
    await kubectl("patch", "configmap", "scaled", "-n", NAMESPACE, "--type=merge", "-p", '{"data":{"count":"7"}}');
    const { code, stdout } = await drift();
    assert.equal(code, exit.done, stdout);
    assert.match(stdout, /^dev: nothing has drifted$/m);
  });

  it("has drifted where something declared is changed or gone; neither state nor cluster is touched, no secret shown", async () => {
    await kubectl(
      "patch",
      "configmap",
      "settings",
      "-n",
      NAMESPACE,
      "--type=merge",
      "-p",
      '{"data":{"word":"by hand"}}',
    );
    await kubectl("patch", "secret", "key", "-n", NAMESPACE, "--type=merge", "-p", '{"stringData":{"key":"marlin"}}');
    await kubectl("delete", "configmap", "scaled", "-n", NAMESPACE);
    const before = state();
    const { code, stdout, stderr } = await drift("--json");
    assert.equal(code, exit.drift, stderr);
    const { resources, looked } = JSON.parse(stdout) as {
      looked: number;
      resources: { name: string; kind: string; properties: object[] }[];
    };
    assert.equal(looked, 4);
    assert.deepEqual(
      resources.map(({ name, kind }) => [name, kind]),
      [
        ["scaled", "gone"],
        ["settings", "changed"],
        ["key", "changed"],
      ],
    );
    assert.deepEqual(resources[1]?.properties, [{ path: "data.word", declared: '"declared"', found: '"by hand"' }]);
    assert.doesNotMatch(stdout + stderr, /swordfish|marlin|c3dvcmRmaXNo|bWFybGlu/);
    assert.deepEqual(state(), before);
    assert.equal(
      await kubectl("get", "configmap", "settings", "-n", NAMESPACE, "-o", "jsonpath={.data.word}"),
      "by hand",
    );

    const shown = await drift();
    assert.equal(shown.code, exit.drift);
    assert.match(
      shown.stdout,
      /~ kubernetes:core\/v1:ConfigMap deploy-test\/settings\n {4}data\.word: "declared" declared, "by hand" found/,
    );
    assert.match(shown.stdout, /- kubernetes:core\/v1:ConfigMap deploy-test\/scaled is gone/);
  });

  it("cannot tell where the cluster does not answer", async () => {
    const kubeconfig = join(checkout.folder, "unreachable");
    const text = readFileSync(cluster.kubeconfig, "utf8").replace(/server: .*/, "server: https://127.0.0.1:1");
    writeFileSync(kubeconfig, text, { mode: 0o600 });
    const { code, stdout } = await checkout.ballast(["drift", "dev"], { KUBECONFIG: kubeconfig });
    assert.equal(code, exit.failed, stdout);
    assert.match(stdout, /error: .*127\.0\.0\.1:1/);
  });
});

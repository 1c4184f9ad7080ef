import assert from "node:assert/strict";
import { skip } from "../../cli/testing/skip";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster } from "../../local/cluster/testing";
import { kubectlOf, podManifest, reaches, type Kubectl, type TestPod } from "../../local/cluster/testing-pods";
import type { Ground } from "../ground";
import { freshNamespace, groundOn, podsReady, removeNamespace } from "../testing/ground";
import { strike } from "../testing/strike";
import { nodeDrain, nodePartition, nodeStop } from "./nodes";

const namespace = "chaos-nodes";
/** Pods of it may not be hit. */
const elsewhere = "chaos-nodes-elsewhere";
const podOn = (node: string, of = namespace): TestPod => ({
  namespace: of,
  name: `on-${node}`,
  node,
  arguments: ["tcp:8080"],
});
const one = podOn("worker-1");
const two = podOn("worker-2");
const three = podOn("worker-3");
const bystander = podOn("worker-2", elsewhere);

describe("faults of nodes", function () {
  this.timeout(300_000);
  let kubectl: Kubectl;
  let ground: Ground;

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    const cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    for (const each of [namespace, elsewhere]) await freshNamespace(cluster, kubectl, each);
    for (const pod of [one, two, three, bystander]) await kubectl(["apply", "-f", "-"], podManifest(pod));
    for (const each of [namespace, elsewhere]) await podsReady(kubectl, each);
    ground = groundOn(cluster, [namespace]);
  });
  after(async () => {
    if (kubectl === undefined) return;
    await Promise.all([namespace, elsewhere].map((each) => removeNamespace(kubectl, each)));
  });

  const address = async (pod: TestPod) =>
    `tcp:${await kubectl(["-n", pod.namespace, "get", "pod", pod.name, "-o", "jsonpath={.status.podIP}"])}:8080`;
  const cordoned = async (node: string) =>
    (await kubectl(["get", "node", node, "-o", "jsonpath={.spec.unschedulable}"])) === "true";
  /** When the node's kubelet last reported. */
  const reported = (node: string) =>
    kubectl(["-n", "kube-node-lease", "get", "lease", node, "-o", "jsonpath={.spec.renewTime}"]);
  /** Undoes it, and sees that the node reports again. */
  const reportsAgain = async (node: string, undo: () => Promise<string>) => {
    const last = await reported(node);
    assert.equal(await undo(), `node ${node} is Ready`);
    assert.notEqual(await reported(node), last);
  };

  it("hit no node that is not there, and name those that are", async () => {
    await assert.rejects(
      strike(nodeStop, { target: { node: "worker-9" } }, ground),
      /hit nothing: there is no node worker-9; there are worker-1, worker-2, worker-3$/,
    );
  });

  it("cut two nodes off each other, while both reach the third", async () => {
    const [second, third] = [await address(two), await address(three)];
    await reaches(kubectl, one, { [second]: true, [third]: true });
    const struck = strike(nodePartition, { target: { node: "worker-1" }, from: { node: "worker-2" } }, ground);
    try {
      await reaches(kubectl, one, { [second]: false, [third]: true });
      await reaches(kubectl, two, { [await address(one)]: false, [third]: true });
      assert.match((await struck).proof, /^[1-9]\d* packets between worker-1 and worker-2 dropped$/);
    } finally {
      await (await struck).undo();
    }
    await reaches(kubectl, one, { [second]: true, [third]: true });
    await (await struck).undo();
  });

  it("cut no node off itself", async () => {
    const same = { target: { node: "worker-1" }, from: { of: { namespace, labels: { app: "on-worker-1" } } } };
    await assert.rejects(strike(nodePartition, same, ground), /worker-1 cannot be cut off from itself/);
  });

  it("cut a node off everybody, and heal it", async () => {
    const { proof, undo } = await strike(nodePartition, { target: { node: "worker-3" } }, ground);
    assert.match(proof, /^node worker-3 has been silent for 12 s, since /);
    await reportsAgain("worker-3", undo);
    await reaches(kubectl, one, { [await address(three)]: true });
  });

  it("stop the node on which a pod runs, and start it again", async () => {
    const of = { namespace, labels: { app: "on-worker-3" } };
    const { victims, proof, undo } = await strike(nodeStop, { target: { of } }, ground);
    assert.deepEqual(victims, [{ kind: "node", name: "worker-3" }]);
    assert.match(proof, /^node worker-3 has been silent for 12 s, since /);
    await reportsAgain("worker-3", undo);
    await undo();
  });

  it("drain a node of the pods that may be hit, and of no other", async () => {
    const uid = async () =>
      kubectl(["-n", elsewhere, "get", "pod", bystander.name, "-o", "jsonpath={.metadata.uid} {.status.phase}"]);
    const before = await uid();
    const { proof, undo } = await strike(nodeDrain, { target: { node: "worker-2" } }, ground);
    try {
      assert.match(proof, /^node worker-2 is cordoned; pod on-worker-2 with uid \S+ is gone$/);
      assert.equal(await cordoned("worker-2"), true);
      assert.equal(await kubectl(["-n", namespace, "get", "pod", two.name, "--ignore-not-found"]), "");
      assert.equal(await uid(), before);
    } finally {
      await undo();
    }
    assert.equal(await cordoned("worker-2"), false);
    await undo();
    await kubectl(["apply", "-f", "-"], podManifest(two));
    await kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${two.name}`, "--timeout=90s"]);
  });
});

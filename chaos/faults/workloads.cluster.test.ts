import assert from "node:assert/strict";
import { KubeConfig } from "@kubernetes/client-node";
import { skip } from "../../cli/testing/skip";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster, type SharedCluster } from "../../local/cluster/testing";
import { kubectlOf, type Kubectl } from "../../local/cluster/testing-pods";
import type { Ground } from "../ground";
import { deploymentManifest, freshNamespace, groundOn, removeNamespace, replicasAre } from "../testing/ground";
import { strike } from "../testing/strike";
import { replicasOf, scaleToZero } from "./workloads";

const namespace = "chaos-workloads";
const target = { kind: "Deployment", namespace, name: "web" } as const;

describe("faults of workloads", function () {
  this.timeout(300_000);
  let cluster: SharedCluster;
  let kubectl: Kubectl;
  let ground: Ground;

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    await freshNamespace(cluster, kubectl, namespace);
    await kubectl(["apply", "-f", "-"], deploymentManifest(target, 2));
    await replicasAre(kubectl, namespace, "web", 2);
    ground = groundOn(cluster, [namespace]);
  });
  after(async () => {
    if (kubectl !== undefined) await removeNamespace(kubectl, namespace);
  });

  const wanted = async () => (await replicasOf(target, ground)).wanted;

  it("take all pods away, and give back as many as there were, also from elsewhere and again", async () => {
    const { proof, undo } = await strike(scaleToZero, { target }, ground);
    try {
      assert.match(proof, /Deployment chaos-workloads\/web has no pod/);
      await replicasAre(kubectl, namespace, "web", 0);
      await assert.rejects(
        strike(scaleToZero, { target }, ground),
        /hit nothing: .*chaos-workloads\/web has no replicas/,
      );
      assert.equal(await wanted(), 0);
    } finally {
      await undo(groundOn(cluster, [namespace]));
    }
    await replicasAre(kubectl, namespace, "web", 2);
    await undo();
    await replicasAre(kubectl, namespace, "web", 2);
  });

  it("take not all pods where the limits allow a share only", async () => {
    const half = { ...ground, limits: { ...ground.limits, share: 0.5 } };
    await assert.rejects(strike(scaleToZero, { target }, half), /all pods of .*web would go; limits.share allows 0.5/);
    assert.equal(await wanted(), 2);
  });

  it("say what is not there", async () => {
    const nobody = { ...target, name: "nobody" };
    await assert.rejects(strike(scaleToZero, { target: nobody }, ground), /deployments.apps \\+"nobody\\+" not found/);
  });

  it("change nothing without permission, and say that it is missing", async () => {
    const powerless = groundOn(
      cluster,
      [namespace],
      withToken(await kubectl(["-n", namespace, "create", "token", "default"])),
    );
    const forbidden = /forbidden: User \\+"system:serviceaccount:chaos-workloads:default\\+" cannot/;
    await assert.rejects(strike(scaleToZero, { target }, powerless), forbidden);
    const fault = { kind: "scale-to-zero", target } as const;
    const victims = await scaleToZero.choose(fault, ground, () => 0);
    await assert.rejects(scaleToZero.inject(fault, victims, powerless, undefined), forbidden);
    assert.equal(await wanted(), 2);
  });

  /** The cluster's address, with the rights of a ServiceAccount. */
  function withToken(token: string): KubeConfig {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromFile(cluster.kubeconfig);
    const server = kubeconfig.getCurrentCluster();
    assert.ok(server);
    kubeconfig.loadFromClusterAndUser(server, { name: "powerless", token });
    return kubeconfig;
  }
});

import assert from "node:assert/strict";
import type { CoreV1Api } from "@kubernetes/client-node";
import { skip } from "../../cli/testing/skip";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster } from "../../local/cluster/testing";
import { kubectlOf, type Kubectl } from "../../local/cluster/testing-pods";
import { until } from "../../local/cluster/until";
import type { Ground } from "../ground";
import { seeded } from "../run/random";
import {
  deploymentManifest,
  freshNamespace,
  groundOn,
  podsReady,
  removeNamespace,
  replicasAre,
} from "../testing/ground";
import { strike } from "../testing/strike";
import { NoVictim } from "./fault";
import { choosePods, containerKill, podEvict, podKill } from "./pods";

const namespace = "chaos-pods";
const replicas = 3;

describe("faults of pods", function () {
  this.timeout(300_000);
  let kubectl: Kubectl;
  let ground: Ground;
  const target = { namespace, labels: { app: "web" } };

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    const cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    await freshNamespace(cluster, kubectl, namespace);
    await kubectl(["apply", "-f", "-"], deploymentManifest({ namespace, name: "web" }, replicas));
    await replicasAre(kubectl, namespace, "web", replicas);
    ground = groundOn(cluster, [namespace]);
  });
  after(async () => {
    if (kubectl !== undefined) await removeNamespace(kubectl, namespace);
  });

  const uids = async () => {
    const path = "jsonpath={.items[*].metadata.uid}";
    return (await kubectl(["-n", namespace, "get", "pods", "-l", "app=web", "-o", path])).split(" ").sort();
  };
  const within = (share: number): Ground => ({ ...ground, limits: { ...ground.limits, share } });
  const untouched = async (strikes: () => Promise<void>) => {
    const before = await uids();
    await strikes();
    assert.deepEqual(await uids(), before);
  };

  it("kill a pod, whose place another takes", async () => {
    const before = await uids();
    const { victims, proof } = await strike(podKill, { target }, ground);
    const [victim] = victims;
    assert.ok(victim?.kind === "pod" && before.includes(victim.uid));
    assert.match(proof, new RegExp(`uid ${victim.uid} is gone`));
    await replicasAre(kubectl, namespace, "web", replicas);
    const after = await uids();
    assert.equal(after.includes(victim.uid), false);
    assert.deepEqual(
      before.filter((uid) => !after.includes(uid)),
      [victim.uid],
      "no other pod went",
    );
  });

  it("do not kill the pod that has taken its victim's name", async () => {
    await untouched(async () => {
      const [victim] = await choosePods({ ...target, pick: 1 }, ground, () => 0);
      assert.ok(victim);
      const gone = { ...victim, uid: "11111111-1111-1111-1111-111111111111" };
      await assert.rejects(
        podKill.inject(
          { kind: "pod-kill", target: { ...target, pick: 1 }, graceSeconds: 0 },
          [gone],
          ground,
          undefined,
        ),
        /the UID in the precondition/,
      );
    });
  });

  it("hit nothing where nothing matches, and say what was looked for", async () => {
    const nobody = { namespace, labels: { app: "nobody", tier: "none" } };
    await assert.rejects(strike(podKill, { target: nobody }, ground), (error: Error) => {
      assert.ok(error instanceof NoVictim);
      assert.match(error.message, /no pod runs in chaos-pods with app=nobody,tier=none/);
      return true;
    });
  });

  it("hit no larger share of the pods than the limits allow", async () => {
    await untouched(async () => {
      const refused = /3 of 3 pods of chaos-pods with app=web would be hit; limits.share allows 2/;
      await assert.rejects(strike(podKill, { target: { ...target, pick: "all" } }, within(0.7)), refused);
      await assert.rejects(strike(podEvict, { target: { ...target, pick: 3 } }, within(0.7)), refused);
    });
  });

  it("hit the same pod for the same seed, in whatever order the cluster lists them", async () => {
    const core = {
      listNamespacedPod: async (request: Parameters<CoreV1Api["listNamespacedPod"]>[0]) => {
        const list = await ground.core.listNamespacedPod(request);
        return { ...list, items: [...list.items].reverse() };
      },
    } as unknown as CoreV1Api;
    const chosen = async (seed: number, on: Ground) => {
      const pods = await choosePods({ ...target, pick: 1 }, on, seeded(seed));
      return pods.map(({ name }) => name).join();
    };
    const seeds = [1, 2, 3, 4, 5, 6];
    const drawn = await Promise.all(seeds.map((seed) => chosen(seed, ground)));
    assert.deepEqual(await Promise.all(seeds.map((seed) => chosen(seed, { ...ground, core }))), drawn);
    assert.ok(new Set(drawn).size > 1, "the seed matters");
  });

  it("evict a pod", async () => {
    const { victims } = await strike(podEvict, { target }, ground);
    const [victim] = victims;
    assert.ok(victim?.kind === "pod");
    assert.equal((await uids()).includes(victim.uid), false);
    await replicasAre(kubectl, namespace, "web", replicas);
  });

  it("evict no pod that a disruption budget keeps, and say so", async () => {
    const budget = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { namespace, name: "web" },
      spec: { minAvailable: replicas, selector: { matchLabels: target.labels } },
    };
    await kubectl(["apply", "-f", "-"], budget);
    try {
      const counted = "jsonpath={.status.currentHealthy}";
      await until(
        "the budget counts its pods",
        60,
        async () => (await kubectl(["-n", namespace, "get", "pdb", "web", "-o", counted])) === String(replicas),
      );
      await untouched(() =>
        assert.rejects(
          strike(podEvict, { target }, ground),
          /^Error: pod chaos-pods\/web-\S+ was not evicted: its disruption budget web /,
        ),
      );
    } finally {
      await kubectl(["-n", namespace, "delete", "pdb", "web"]);
    }
  });

  it("kill a container, which starts again in the same pod", async () => {
    await podsReady(kubectl, namespace);
    const before = await uids();
    const { victims, proof } = await strike(containerKill, { target, container: "main" }, ground);
    const [victim] = victims;
    assert.ok(victim?.kind === "pod");
    assert.match(proof, /^process \d+ \(perl -e .*\) got SIGKILL$/s);
    const restarts = "jsonpath={.status.containerStatuses[0].restartCount}";
    await until(
      "it has started again",
      60,
      async () => (await kubectl(["-n", namespace, "get", "pod", victim.name, "-o", restarts])) === "1",
    );
    assert.deepEqual(await uids(), before);
    await replicasAre(kubectl, namespace, "web", replicas);
  });

  it("kill no container that is not there, and name those that are", async () => {
    await untouched(() =>
      assert.rejects(
        strike(containerKill, { target, container: "sidecar" }, ground),
        /pod chaos-pods\/web-\S+ has no running container sidecar; it has main$/,
      ),
    );
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { V1MicroTime } from "@kubernetes/client-node";
import { skip } from "../../cli/testing/skip";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster, type SharedCluster } from "../../local/cluster/testing";
import { kubectlOf, type Kubectl } from "../../local/cluster/testing-pods";
import { parseExperiment } from "../experiment/schema";
import { faultDrivers } from "../faults";
import type { Ground } from "../ground";
import { Probes } from "../probes/probes";
import { deploymentManifest, freshNamespace, groundOn, removeNamespace, replicasAre } from "../testing/ground";
import { AlreadyRunning, ChaosLease } from "./lease";
import { leftover } from "./leftover";
import { runExperiment } from "./run";
import type { KilledRun, Phase } from "./testing/killed";

const namespace = "chaos-kill";
const workload = { kind: "Deployment", namespace, name: "web" } as const;
const replicas = 2;
/** Where the lease of a cluster stands. */
const place = { namespace: "kube-system", name: "ballast-chaos" };

const experimentOf = (name: string) =>
  parseExperiment(
    {
      name,
      title: "The pods of the test go away",
      description: "A run of it is killed while it works.",
      contributions: { recovery: "high" },
      "steady-state-hypothesis": {
        title: "it has its pods",
        probes: [{ kind: "ready-replicas", name: "pods", mode: "edge", workload, tolerance: { equals: replicas } }],
      },
      method: [{ fault: { kind: "scale-to-zero", target: workload }, hold: 0.1 }],
      limits: { namespaces: [namespace], share: 1, deadline: 120 },
      recovery: 90,
    },
    name,
  );

/** What a run that was killed there has left: its record, and how many pods the workload is to have. */
const left: Readonly<Record<Phase, { readonly faults: readonly string[]; readonly pods: number }>> = {
  chosen: { faults: [], pods: replicas },
  remembered: { faults: ["scale-to-zero"], pods: replicas },
  held: { faults: ["scale-to-zero"], pods: 0 },
  undoing: { faults: ["scale-to-zero"], pods: 0 },
  undone: { faults: ["scale-to-zero"], pods: replicas },
};

describe("a run that gets kill -9", function () {
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
    await kubectl(["apply", "-f", "-"], deploymentManifest(workload, replicas));
    await replicasAre(kubectl, namespace, "web", replicas);
    ground = groundOn(cluster, [namespace]);
  });
  after(async () => {
    if (kubectl === undefined) return;
    await kubectl(["-n", place.namespace, "delete", "lease", place.name, "--ignore-not-found"]);
    await removeNamespace(kubectl, namespace);
  });
  afterEach(async () => {
    assert.equal(await ChaosLease.read(ground), undefined, "no lease is left");
  });

  const second = () => {
    const openLedger = () => Promise.reject(new Error("the experiment has no ledger"));
    return runExperiment(experimentOf("second"), ground, {
      drivers: faultDrivers,
      look: new Probes().look,
      openLedger,
      seed: 1,
    });
  };
  const isRefused = (pid: number | undefined) => (error: Error) => {
    assert.ok(error instanceof AlreadyRunning, error.message);
    assert.match(error.message, new RegExp(`^the experiment first runs on this cluster \\(\\S+ pid ${pid} `));
    return true;
  };

  /** Lets a run of its own process come to a phase, and kills it there. Before and after, nobody else may run. */
  async function killAt(at: Phase): Promise<void> {
    const asked: KilledRun = { cluster, experiment: experimentOf("first"), at };
    const entry = join(__dirname, "testing/killed.ts");
    const child = spawn(process.execPath, ["--import", "tsx", entry, JSON.stringify(asked)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    try {
      for await (const line of createInterface(child.stdout)) if (line === at) break;
      assert.equal(child.exitCode, null, "it is still there");
      await assert.rejects(ChaosLease.takeOver(ground), isRefused(child.pid));
      await assert.rejects(second(), isRefused(child.pid));
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    await assert.rejects(second(), isRefused(child.pid), "whether it is gone is not known yet");
    const held = await ChaosLease.read(ground);
    assert.deepEqual(
      held?.undo.map(({ fault }) => fault),
      left[at].faults,
    );
    await replicasAre(kubectl, namespace, "web", left[at].pods);
  }

  /** As if so much time had passed that its holder must be gone. */
  async function expire(): Promise<void> {
    const lease = await ground.leases.readNamespacedLease(place);
    const body = { ...lease, spec: { ...lease.spec, renewTime: new V1MicroTime(0) } };
    await ground.leases.replaceNamespacedLease({ ...place, body });
  }

  it("before it struck: the next one waits until it is known to be gone, and then runs", async () => {
    await killAt("chosen");
    await expire();
    const { status, deviated } = await second();
    assert.deepEqual({ status, deviated }, { status: "completed", deviated: false });
    await replicasAre(kubectl, namespace, "web", replicas);
  });

  for (const at of ["remembered", "undoing", "undone"] as const) {
    it(`when it was ${at}: nobody else strikes until what it left is undone`, async () => {
      await killAt(at);
      await expire();
      await assert.rejects(second(), /^Error: first was cut off and left faults; first: ballast chaos undo/);
      const [record, ...others] = await leftover(ground, faultDrivers);
      assert.deepEqual([record?.name, record?.status, others], ["undo scale-to-zero", "succeeded", []]);
      await replicasAre(kubectl, namespace, "web", replicas);
    });
  }

  it("while the fault was held: who undoes it waits for as long as it may be alive", async () => {
    await killAt("held");
    const [record, ...others] = await leftover(ground, faultDrivers);
    assert.deepEqual([record?.name, record?.status, others], ["undo scale-to-zero", "succeeded", []]);
    await replicasAre(kubectl, namespace, "web", replicas);
    assert.deepEqual(await leftover(ground, faultDrivers), [], "nothing is left to undo");
  });
});

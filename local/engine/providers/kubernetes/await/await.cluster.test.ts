import assert from "node:assert/strict";

import { skip } from "../../../../../cli/testing/skip";
import { ProviderError } from "../../../provider";
import type { PropertyMap } from "../../../values";
import type { ServedKind } from "../connection/discovery";
import { pathOf } from "../connection/discovery";
import { Cluster } from "../cluster";
import { settingsOf } from "../config";
import { mapsAt, nameOf, text, type JsonMap } from "../object";
import { bench, recordingContext, Resource, testKubeconfig } from "../testing/harness";

const PAUSE = "registry.k8s.io/pause:3.10";
const pods: ServedKind = { apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true };

/** Resolves as soon as `find` does not answer `undefined`; asks the server anew each time. */
async function eventually<T>(find: () => Promise<T | undefined>, what: string, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
}

describe("kubernetes provider: waiting (real API server and controllers)", function () {
  this.timeout(180_000);
  let place: Awaited<ReturnType<typeof bench>>;
  let direct: Cluster;
  let nodes = 0;

  const list = async (served: ServedKind): Promise<JsonMap[]> =>
    mapsAt(
      (await direct.parts().client.request({ method: "GET", path: pathOf(served, place.namespace) })).body,
      "items",
    );
  /** Plays the kubelet for a pod that no node runs. */
  const setStatus = async (pod: JsonMap, status: JsonMap): Promise<void> => {
    await direct.parts().client.request({
      method: "PATCH",
      path: `${pathOf(pods, place.namespace, nameOf(pod))}/status`,
      contentType: "application/merge-patch+json",
      body: { status },
    });
  };
  const now = new Date().toISOString();
  const readyStatus: JsonMap = {
    phase: "Running",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: now }],
  };
  const podsOf = async (app: string): Promise<JsonMap[]> =>
    (await list(pods)).filter((pod) => text(pod, "metadata", "labels", "app") === app);

  /** A pod template that no node takes, so that the test alone decides what becomes of it. */
  const nowhere = (app: string): PropertyMap => ({
    metadata: { labels: { app } },
    spec: {
      nodeSelector: { "ballast-test": "nowhere" },
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: PAUSE }],
    },
  });
  const workload = (app: string, more: PropertyMap = {}): PropertyMap => ({
    metadata: { name: app },
    spec: { replicas: 2, selector: { matchLabels: { app } }, template: nowhere(app), ...more },
  });

  before(async function () {
    this.timeout(600_000);
    const kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    direct = new Cluster(settingsOf({ kubeconfig }), recordingContext(), true);
    const answer = await direct.parts().client.request({ method: "GET", path: "/api/v1/nodes" });
    nodes = mapsAt(answer.body, "items").length;
  });
  after(async () => {
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });

  it("waits for a Deployment's replicas, tells how far it is, and what a pod suffers from", async () => {
    const deployment = place.resource("kubernetes:apps/v1:Deployment", "web");
    const created = deployment.create(workload("web"));
    const [first, second] = await eventually(async () => {
      const found = await podsOf("web");
      return found.length === 2 ? (found as [JsonMap, JsonMap]) : undefined;
    }, "two pods");
    await setStatus(first, {
      phase: "Pending",
      containerStatuses: [
        {
          name: "main",
          ready: false,
          restartCount: 0,
          image: PAUSE,
          imageID: "",
          state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
        },
      ],
    });
    await eventually(
      async () =>
        place.context.statuses.find((line) =>
          /0 of 2 replicas are available.*ImagePullBackOff: no such image/.test(line),
        ),
      "the status",
    );
    await setStatus(first, { ...readyStatus, containerStatuses: null });
    await eventually(
      async () => place.context.statuses.find((line) => line.includes("1 of 2 replicas are available")),
      "the status",
    );
    await setStatus(second, readyStatus);
    const { outputs } = await created;
    assert.equal((outputs["status"] as PropertyMap)["availableReplicas"], 2);
    await deployment.delete();
  });

  it("on a timeout records what exists and says why; the next run only waits again", async () => {
    const set = place.resource("kubernetes:apps/v1:StatefulSet", "db");
    const inputs = workload("db", { serviceName: "db", replicas: 1 });
    const error = await set.create(inputs, 2).then(
      () => assert.fail("it cannot be ready"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ProviderError);
    assert.match(error.message, /^StatefulSet .*\/db did not become ready within 2 seconds: ./);
    assert.equal(error.partial?.id, `${place.namespace}/db`);
    assert.ok((error.partial?.reasons.length ?? 0) > 0);
    set.held = { id: error.partial?.id ?? "", inputs: await set.check(inputs), outputs: error.partial?.outputs ?? {} };
    const retried = set.update(inputs);
    const [pod] = await eventually(
      async () => ((await podsOf("db")).length > 0 ? await podsOf("db") : undefined),
      "the pod",
    );
    await setStatus(pod ?? {}, readyStatus);
    await retried;
    await set.delete();
  });

  it("shows a quota that stops pods", async () => {
    const quota = place.resource("kubernetes:core/v1:ResourceQuota", "none");
    await quota.create({
      metadata: { name: "none", annotations: { "pulumi.com/waitFor": "jsonpath={.status.hard.pods}=0" } },
      spec: { hard: { pods: "0" } },
    });
    const deployment = place.resource("kubernetes:apps/v1:Deployment", "stopped");
    const created = deployment.create(workload("stopped")).catch((error: unknown) => error);
    await eventually(
      async () => place.context.statuses.find((line) => line.includes("exceeded quota: none")),
      "the status with the quota",
    );
    deployment.held = { id: `${place.namespace}/stopped`, inputs: {}, outputs: {} };
    await deployment.delete();
    assert.match(String(await created), /was deleted by someone else/);
    await quota.delete();
  });

  it("ends at once when a Job has failed for good", async () => {
    const job = place.resource("kubernetes:batch/v1:Job", "task");
    const template = nowhere("task");
    const spec: PropertyMap = { ...(template["spec"] as PropertyMap), restartPolicy: "Never" };
    const created = job.create({
      metadata: { name: "task" },
      spec: { backoffLimit: 0, template: { ...template, spec } },
    });
    const settledEarly = created.catch((error: unknown) => error);
    const [pod] = await eventually(
      async () => ((await podsOf("task")).length > 0 ? await podsOf("task") : undefined),
      "the pod",
    );
    await setStatus(pod ?? {}, {
      phase: "Failed",
      containerStatuses: [
        {
          name: "main",
          ready: false,
          restartCount: 0,
          image: PAUSE,
          imageID: "",
          state: { terminated: { exitCode: 3, reason: "Error" } },
        },
      ],
    });
    const error = await settledEarly;
    assert.ok(error instanceof ProviderError);
    assert.match(error.message, /Job .*\/task failed: the job failed: BackoffLimitExceeded/);
    assert.match(error.message, /container main ended: exit code 3, Error/);
    job.held = { id: `${place.namespace}/task`, inputs: {}, outputs: {} };
    await job.delete();
  });

  it("waits for a Service's endpoints, and not for one without selector or address", async () => {
    const selector = { app: "backend" };
    const ports = [{ port: 80 }];
    const at = (name: string): Resource => place.resource("kubernetes:core/v1:Service", name);
    const headless = at("headless");
    await headless.create({ metadata: { name: "headless" }, spec: { clusterIP: "None", selector, ports } });
    const manual = at("manual");
    await manual.create({ metadata: { name: "manual" }, spec: { ports } });
    const front = at("front");
    const created = front.create({ metadata: { name: "front" }, spec: { selector, ports } });
    await eventually(
      async () => place.context.statuses.find((line) => line.includes("no pod matches the selector")),
      "the status",
    );
    // The controller only takes pods that a node runs, so the endpoint is written by hand.
    const slice = place.resource("kubernetes:discovery.k8s.io/v1:EndpointSlice", "front");
    await slice.create({
      metadata: { name: "front-by-hand", labels: { "kubernetes.io/service-name": "front" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.250.0.9"], conditions: { ready: true } }],
      ports: [{ port: 80 }],
    });
    await created;
    await Promise.all([headless, manual, front, slice].map((resource) => resource.delete()));
  });

  it("does not wait for a claim whose volume comes with its first pod, and tells what keeps another", async () => {
    const name = `late-${place.namespace}`;
    const storage = place.resource("kubernetes:storage.k8s.io/v1:StorageClass", "late");
    await storage.create({
      metadata: { name },
      provisioner: "example.com/none",
      volumeBindingMode: "WaitForFirstConsumer",
    });
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const late = place.resource("kubernetes:core/v1:PersistentVolumeClaim", "late");
    await late.create({ metadata: { name: "late" }, spec: { ...spec, storageClassName: name } });
    const never = place.resource("kubernetes:core/v1:PersistentVolumeClaim", "never");
    await assert.rejects(
      never.create({ metadata: { name: "never" }, spec: { ...spec, storageClassName: "missing" } }, 3),
      /the claim is Pending/,
    );
    never.held = { id: `${place.namespace}/never`, inputs: {}, outputs: {} };
    await Promise.all([late.delete(), never.delete(), storage.delete()]);
  });

  it("obeys waitFor and skipAwait, and names a resource that vanished under its wait", async () => {
    const map = place.resource("kubernetes:core/v1:ConfigMap", "signal");
    const metadata = { name: "signal", annotations: { "pulumi.com/waitFor": '["jsonpath={.data.phase}=done"]' } };
    const created = map.create({ metadata, data: {} });
    const other: ServedKind = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
    const path = pathOf(other, place.namespace, "signal");
    const write = async (method: "PATCH" | "DELETE", body: JsonMap): Promise<unknown> => {
      await eventually(async () => place.context.statuses.find((line) => line.includes(".data.phase")), "the wait");
      return await direct.parts().client.request({ method, path, body, contentType: "application/merge-patch+json" });
    };
    await write("PATCH", { data: { phase: "done" } });
    await created;
    await map.delete();
    const again = map.create({ metadata, data: {} }).catch((error: unknown) => error);
    const seen = place.context.statuses.length;
    await eventually(async () => (place.context.statuses.length > seen ? true : undefined), "the second wait");
    await direct.parts().client.request({ method: "DELETE", path });
    assert.match(String(await again), /was deleted by someone else while it was waited for/);

    const skipped = place.resource("kubernetes:apps/v1:Deployment", "skipped");
    const inputs = workload("skipped");
    await skipped.create({ ...inputs, metadata: { name: "skipped", annotations: { "pulumi.com/skipAwait": "true" } } });
    await skipped.delete();
  });

  it("with nodes: pods run, a missing image and a crash are told with their last log lines", async function () {
    if (nodes === 0) skip(this, "this API server has no nodes, so no pod can run");
    const spec = (container: PropertyMap): PropertyMap => ({
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: PAUSE, ...container }],
    });
    const good = place.resource("kubernetes:core/v1:Pod", "good");
    await good.create({ metadata: { name: "good" }, spec: spec({}) }, 120);
    const bad = place.resource("kubernetes:core/v1:Pod", "bad");
    await assert.rejects(
      bad.create({ metadata: { name: "bad" }, spec: spec({ image: "localhost/absent:1" }) }, 20),
      /ErrImage|ImagePull/,
    );
    const crash = place.resource("kubernetes:core/v1:Pod", "crash");
    await assert.rejects(
      crash.create(
        { metadata: { name: "crash" }, spec: spec({ args: ["--no-such-flag"], command: ["/no-such-program"] }) },
        20,
      ),
      /no-such-program/,
    );
    bad.held = { id: `${place.namespace}/bad`, inputs: {}, outputs: {} };
    crash.held = { id: `${place.namespace}/crash`, inputs: {}, outputs: {} };
    await Promise.all([good.delete(), bad.delete(), crash.delete()]);
  });
});

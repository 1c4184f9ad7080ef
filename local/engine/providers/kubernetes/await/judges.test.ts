import assert from "node:assert/strict";

import type { JsonMap } from "../object";
import { claim, definition, service } from "./others";
import { crashed, matches, podProblems, problemsOf } from "./pods";
import type { Judge, Verdict } from "./verdict";
import { daemonSet, deployment, job, pod, statefulSet } from "./workloads";

const judge = (
  by: Judge,
  object: JsonMap,
  around: { pods?: JsonMap[]; events?: JsonMap[]; related?: JsonMap[] } = {},
): Verdict => by({ object, pods: [], events: [], related: [], ...around });
const metadata = (more: JsonMap = {}): JsonMap => ({ name: "web", uid: "w", generation: 2, ...more });
const workload = (spec: JsonMap, status: JsonMap): JsonMap => ({
  kind: "Deployment",
  metadata: metadata(),
  spec,
  status: { observedGeneration: 2, ...status },
});
const aPod = (name: string, status: JsonMap, owner = "w"): JsonMap => ({
  metadata: { name, uid: name, labels: { app: "web" }, ownerReferences: [{ uid: owner }] },
  status,
});
const waits = (reason: string, message = ""): JsonMap => ({
  containerStatuses: [{ name: "main", state: { waiting: { reason, message } } }],
});

describe("readiness, as a function of what is seen", () => {
  it("Deployment: seen by its controller, updated, old ones gone, available", () => {
    const status = (more: JsonMap): Verdict => judge(deployment, workload({ replicas: 2 }, more));
    assert.equal(
      judge(deployment, workload({}, { observedGeneration: 1 })).status,
      "waiting for the controller to see the change",
    );
    assert.equal(status({ replicas: 3, updatedReplicas: 1 }).status, "1 of 2 replicas are updated");
    assert.equal(status({ replicas: 3, updatedReplicas: 2 }).status, "1 old replicas are still ending");
    assert.equal(
      status({ replicas: 2, updatedReplicas: 2, availableReplicas: 1 }).status,
      "1 of 2 replicas are available",
    );
    assert.equal(status({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }).ready, true);
    assert.equal(judge(deployment, workload({ replicas: 0 }, {})).ready, true);
    assert.equal(judge(deployment, workload({ paused: true }, {})).ready, true);
  });

  it("Deployment: blames the pods of the newest ReplicaSet only, and quotas", () => {
    const revision = (uid: string, number: string): JsonMap => ({
      metadata: {
        name: uid,
        uid,
        annotations: { "deployment.kubernetes.io/revision": number },
        ownerReferences: [{ uid: "w" }],
      },
    });
    const object = workload(
      { replicas: 1, selector: { matchLabels: { app: "web" } } },
      { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" }] },
    );
    object["metadata"] = metadata({ annotations: { "deployment.kubernetes.io/revision": "2" } });
    const pods = [aPod("old", waits("CrashLoopBackOff"), "rs1"), aPod("new", waits("ErrImagePull", "no image"), "rs2")];
    const verdict = judge(deployment, object, { pods, related: [revision("rs1", "1"), revision("rs2", "2")] });
    assert.deepEqual(verdict.problems, [
      "FailedCreate: exceeded quota",
      "pod new: container main waits: ErrImagePull: no image",
    ]);
  });

  it("StatefulSet: ready replicas, then the new revision, partitions honoured", () => {
    const state = (spec: JsonMap, status: JsonMap): Verdict =>
      judge(statefulSet, workload({ replicas: 3, ...spec }, status));
    const revisions = { currentRevision: "1", updateRevision: "2" };
    assert.equal(state({}, { replicas: 3, availableReplicas: 2 }).status, "2 of 3 replicas are ready");
    assert.equal(
      state({}, { replicas: 3, availableReplicas: 3, updatedReplicas: 1, ...revisions }).status,
      "1 of 3 replicas are updated",
    );
    const partitioned = { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } };
    assert.equal(
      state(partitioned, { replicas: 3, availableReplicas: 3, updatedReplicas: 1, ...revisions }).ready,
      true,
    );
    assert.equal(
      state({ updateStrategy: { type: "OnDelete" } }, { replicas: 3, availableReplicas: 3, ...revisions }).ready,
      true,
    );
    assert.equal(state({}, { replicas: 4, availableReplicas: 4 }).status, "1 replicas too many are still ending");
  });

  it("DaemonSet, Job and Pod", () => {
    const set = (status: JsonMap): Verdict => judge(daemonSet, workload({}, { desiredNumberScheduled: 3, ...status }));
    assert.equal(set({ updatedNumberScheduled: 2 }).status, "2 of 3 nodes are updated");
    assert.equal(set({ updatedNumberScheduled: 3, numberAvailable: 2 }).status, "2 of 3 nodes have a ready pod");
    assert.equal(set({ updatedNumberScheduled: 3, numberAvailable: 3 }).ready, true);
    const task = (status: JsonMap, spec: JsonMap = {}): Verdict =>
      judge(job, { kind: "Job", metadata: metadata(), spec, status });
    assert.equal(task({ active: 1, failed: 2 }).status, "0 of 1 completions, 1 running, 2 failed");
    assert.equal(task({ conditions: [{ type: "Complete", status: "True" }] }).ready, true);
    assert.equal(task({}, { suspend: true }).ready, true);
    const failed = task({
      conditions: [{ type: "Failed", status: "True", reason: "DeadlineExceeded", message: "too slow" }],
    });
    assert.deepEqual([failed.failed, failed.status], [true, "the job failed: DeadlineExceeded: too slow"]);
    assert.equal(judge(pod, aPod("p", { phase: "Succeeded" })).ready, true);
    assert.equal(judge(pod, aPod("p", { phase: "Failed" })).failed, true);
  });

  it("Service, claim and definition", () => {
    const front = (spec: JsonMap, related: JsonMap[] = []): Verdict =>
      judge(service, { kind: "Service", metadata: { name: "front" }, spec }, { related });
    const slice = (ready: boolean): JsonMap => ({
      metadata: { labels: { "kubernetes.io/service-name": "front" } },
      endpoints: [{ conditions: { ready } }],
    });
    assert.equal(front({ type: "ExternalName" }).ready, true);
    assert.equal(front({ clusterIP: "None", selector: { a: "b" } }).ready, true);
    assert.equal(front({ selector: { a: "b" } }).status, "no pod matches the selector yet");
    assert.equal(front({ selector: { a: "b" } }, [slice(false)]).status, "none of 1 pods behind it is ready");
    assert.equal(front({ selector: { a: "b" } }, [slice(true)]).ready, true);
    assert.equal(front({ type: "LoadBalancer" }).status, "waiting for the load balancer's address");
    const pending = { metadata: { name: "c" }, status: { phase: "Pending" } };
    assert.equal(judge(claim(true), pending).ready, true);
    assert.equal(judge(claim(false), pending).ready, false);
    const names = { type: "NamesAccepted", status: "False", reason: "PluralConflict", message: "taken" };
    assert.deepEqual(judge(definition, { status: { conditions: [names] } }).problems, ["PluralConflict: taken"]);
  });

  it("says of a pod what it suffers from, with its warnings, and nothing of one that is starting", () => {
    assert.deepEqual(podProblems(aPod("p", waits("ContainerCreating")), []), []);
    const scheduled = aPod("p", {
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }],
    });
    const event = (reason: string, message: string, count: number): JsonMap => ({
      type: "Warning",
      involvedObject: { uid: "p" },
      reason,
      message,
      count,
    });
    assert.deepEqual(
      podProblems(scheduled, [event("FailedMount", "no volume", 3), event("FailedScheduling", "0/3 nodes", 2)]),
      ["pod p: Unschedulable: 0/3 nodes", "pod p: FailedMount (3 times): no volume"],
    );
    const looping = aPod("p", {
      containerStatuses: [
        {
          name: "main",
          restartCount: 4,
          state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
        },
      ],
    });
    assert.deepEqual(podProblems(looping, []), [
      "pod p: container main waits: CrashLoopBackOff: back-off (last exit code 137, OOMKilled, restarted 4 times)",
    ]);
    assert.deepEqual(crashed(looping), [{ name: "main", previous: true }]);
  });

  it("tells the same problem of many pods once", () => {
    const pods = ["web-1", "web-2", "web-3"].map((name) => aPod(name, waits("ErrImagePull", "no image")));
    assert.deepEqual(problemsOf(pods, []).problems, [
      "pod web-1: container main waits: ErrImagePull: no image (and 2 more pods)",
    ]);
  });

  it("matches selectors", () => {
    const expression = (operator: string, values: string[] = []): JsonMap => ({
      matchExpressions: [{ key: "a", operator, values }],
    });
    const truths = [
      ["In", ["1"], true],
      ["In", ["2"], false],
      ["NotIn", ["2"], true],
      ["Exists", [], true],
      ["DoesNotExist", [], false],
      ["Odd", [], false],
    ] as const;
    for (const [operator, values, expected] of truths)
      assert.equal(matches(expression(operator, [...values]), { a: "1" }), expected, operator);
    assert.equal(matches({ matchLabels: { a: "1", b: "2" } }, { a: "1" }), false);
  });
});

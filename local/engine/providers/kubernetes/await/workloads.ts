import { condition, conditionIs, count, mapAt, nameOf, text, uidOf, type JsonMap } from "../object";
import { matches, ownedBy, problemsOf, warningsOf } from "./pods";
import { ready, waiting, type Judge, type Observation, type Verdict } from "./verdict";

const observed = (object: JsonMap): boolean =>
  count(object, "status", "observedGeneration") >= count(object, "metadata", "generation");
const NOT_SEEN = "waiting for the controller to see the change";

/** Desired replicas; 1 where none are given. */
const desired = (object: JsonMap): number =>
  typeof mapAt(object, "spec")["replicas"] === "number" ? count(object, "spec", "replicas") : 1;

function selected({ object, pods }: Observation): JsonMap[] {
  const selector = mapAt(object, "spec", "selector");
  return pods.filter((pod) => matches(selector, mapAt(pod, "metadata", "labels")));
}

function notYet(status: string, seen: Observation, pods: readonly JsonMap[], others: readonly JsonMap[] = []): Verdict {
  const { problems, culprits } = problemsOf(pods, seen.events);
  const own = [seen.object, ...others].flatMap((object) =>
    warningsOf(object, seen.events).map((line) => `${text(object, "kind") || "ReplicaSet"} ${nameOf(object)}: ${line}`),
  );
  return waiting(status, [...own, ...problems], culprits);
}

export const deployment: Judge = (seen) => {
  const { object } = seen;
  if (!observed(object)) return waiting(NOT_SEEN);
  if (mapAt(object, "spec")["paused"] === true) return ready("paused");
  const wanted = desired(object);
  const [all, updated, available] = ["replicas", "updatedReplicas", "availableReplicas"].map((key) =>
    count(object, "status", key),
  ) as [number, number, number];
  const revision = text(object, "metadata", "annotations", "deployment.kubernetes.io/revision");
  const sets = seen.related.filter(
    (set) =>
      ownedBy(set, uidOf(object)) &&
      text(set, "metadata", "annotations", "deployment.kubernetes.io/revision") === revision,
  );
  const pods = selected(seen).filter((pod) => sets.length === 0 || sets.some((set) => ownedBy(pod, uidOf(set))));
  const failures = ["ReplicaFailure", "Progressing"].flatMap((type) => {
    const entry = condition(object, type);
    const bad = type === "ReplicaFailure" ? text(entry, "status") === "True" : text(entry, "status") === "False";
    return entry !== undefined && bad ? [`${text(entry, "reason")}: ${text(entry, "message")}`] : [];
  });
  const late = (status: string): Verdict => {
    const verdict = notYet(status, seen, pods, sets);
    return {
      ...verdict,
      problems: [
        ...failures,
        ...verdict.problems.filter((line) => !failures.some((failure) => line.endsWith(failure))),
      ],
    };
  };
  if (updated < wanted) return late(`${updated} of ${wanted} replicas are updated`);
  if (all > updated) return late(`${all - updated} old replicas are still ending`);
  if (available < wanted) return late(`${available} of ${wanted} replicas are available`);
  return ready(`${available} of ${wanted} replicas are available`);
};

export const statefulSet: Judge = (seen) => {
  const { object } = seen;
  if (!observed(object)) return waiting(NOT_SEEN);
  const wanted = desired(object);
  const [replicas, updated, available] = ["replicas", "updatedReplicas", "availableReplicas"].map((key) =>
    count(object, "status", key),
  ) as [number, number, number];
  const late = (status: string): Verdict =>
    notYet(
      status,
      seen,
      selected(seen).filter((pod) => ownedBy(pod, uidOf(object))),
    );
  if (replicas > wanted) return late(`${replicas - wanted} replicas too many are still ending`);
  if (available < wanted) return late(`${available} of ${wanted} replicas are ready`);
  const strategy = mapAt(object, "spec", "updateStrategy");
  if (text(strategy, "type") === "OnDelete") return ready();
  const partition = count(strategy, "rollingUpdate", "partition");
  const toUpdate = Math.max(0, wanted - partition);
  const same = text(object, "status", "currentRevision") === text(object, "status", "updateRevision");
  if (!same && updated < toUpdate) return late(`${updated} of ${toUpdate} replicas are updated`);
  return ready(`${available} of ${wanted} replicas are ready`);
};

export const daemonSet: Judge = (seen) => {
  const { object } = seen;
  if (!observed(object)) return waiting(NOT_SEEN);
  const [wanted, updated, available] = ["desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"].map(
    (key) => count(object, "status", key),
  ) as [number, number, number];
  const late = (status: string): Verdict =>
    notYet(
      status,
      seen,
      selected(seen).filter((pod) => ownedBy(pod, uidOf(object))),
    );
  if (text(object, "spec", "updateStrategy", "type") !== "OnDelete" && updated < wanted)
    return late(`${updated} of ${wanted} nodes are updated`);
  if (available < wanted) return late(`${available} of ${wanted} nodes have a ready pod`);
  return ready(`${available} of ${wanted} nodes have a ready pod`);
};

export const job: Judge = (seen) => {
  const { object } = seen;
  if (conditionIs(object, "Complete", "True")) return ready("complete");
  const suspended = mapAt(object, "spec")["suspend"] === true;
  if (suspended) return ready("suspended");
  const pods = seen.pods.filter((pod) => ownedBy(pod, uidOf(object)));
  const [succeeded, failed, active] = ["succeeded", "failed", "active"].map((key) => count(object, "status", key)) as [
    number,
    number,
    number,
  ];
  const wanted = mapAt(object, "spec")["completions"] === undefined ? 1 : count(object, "spec", "completions");
  const verdict = notYet(`${succeeded} of ${wanted} completions, ${active} running, ${failed} failed`, seen, pods);
  const end = condition(object, "Failed");
  if (text(end, "status") !== "True") return verdict;
  return { ...verdict, failed: true, status: `the job failed: ${text(end, "reason")}: ${text(end, "message")}` };
};

export const pod: Judge = (seen) => {
  const { object } = seen;
  const phase = text(object, "status", "phase");
  if (conditionIs(object, "Ready", "True") || phase === "Succeeded") return ready(phase);
  const verdict = notYet(`the pod is ${phase === "" ? "not seen yet" : phase}`, seen, [object]);
  const problems = verdict.problems.filter((line) => !line.startsWith("Pod "));
  return { ...verdict, problems, ...(phase === "Failed" ? { failed: true } : {}) };
};

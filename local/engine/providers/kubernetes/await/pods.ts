import { condition, conditionIs, count, isJsonMap, mapAt, mapsAt, nameOf, text, uidOf, type JsonMap } from "../object";

/** Whether labels satisfy a selector with `matchLabels` and `matchExpressions`. */
export function matches(selector: JsonMap, labels: JsonMap): boolean {
  const equal = Object.entries(mapAt(selector, "matchLabels")).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    mapsAt(selector, "matchExpressions").every((expression) => {
      const value = labels[text(expression, "key")];
      const values = Array.isArray(expression["values"]) ? expression["values"] : [];
      const included = value !== undefined && values.includes(value);
      switch (text(expression, "operator")) {
        case "In":
          return included;
        case "NotIn":
          return !included;
        case "Exists":
          return value !== undefined;
        case "DoesNotExist":
          return value === undefined;
        default:
          return false;
      }
    })
  );
}

export const ownedBy = (object: JsonMap, uid: string): boolean =>
  mapsAt(object, "metadata", "ownerReferences").some((owner) => text(owner, "uid") === uid);

export const podReady = (pod: JsonMap): boolean =>
  conditionIs(pod, "Ready", "True") || text(pod, "status", "phase") === "Succeeded";

/** Waiting reasons that every healthy pod passes through. */
const ordinary = new Set(["ContainerCreating", "PodInitializing", ""]);

/** Containers with their status, those that run first in front. */
function containers(pod: JsonMap): JsonMap[] {
  return [...mapsAt(pod, "status", "initContainerStatuses"), ...mapsAt(pod, "status", "containerStatuses")];
}

function containerProblem(container: JsonMap): string | undefined {
  const [wait, ended, before] = [
    mapAt(container, "state", "waiting"),
    mapAt(container, "state", "terminated"),
    mapAt(container, "lastState", "terminated"),
  ];
  const name = text(container, "name");
  const exit = (state: JsonMap): string =>
    `exit code ${count(state, "exitCode")}${text(state, "reason") === "" ? "" : `, ${text(state, "reason")}`}`;
  const reason = text(wait, "reason");
  if (!ordinary.has(reason)) {
    const last =
      isJsonMap(before) && "exitCode" in before
        ? ` (last ${exit(before)}, restarted ${count(container, "restartCount")} times)`
        : "";
    const message = text(wait, "message");
    return `container ${name} waits: ${reason}${message === "" ? "" : `: ${message}`}${last}`;
  }
  if ("exitCode" in ended && count(ended, "exitCode") !== 0)
    return `container ${name} ended: ${exit(ended)}${text(ended, "message") === "" ? "" : `: ${text(ended, "message")}`}`;
  if ("exitCode" in before && count(container, "restartCount") > 0 && container["ready"] !== true) {
    return `container ${name} is not ready after ${count(container, "restartCount")} restarts (last ${exit(before)})`;
  }
  return undefined;
}

/** The containers of a pod that have crashed, for their logs. */
export function crashed(pod: JsonMap): { name: string; previous: boolean }[] {
  return containers(pod)
    .filter((container) => containerProblem(container) !== undefined)
    .filter(
      (container) =>
        "exitCode" in mapAt(container, "lastState", "terminated") ||
        "exitCode" in mapAt(container, "state", "terminated"),
    )
    .map((container) => ({
      name: text(container, "name"),
      previous: !("exitCode" in mapAt(container, "state", "terminated")),
    }));
}

/** What keeps a pod from being ready, one line each; empty when it is ready or just starting. */
export function podProblems(pod: JsonMap, events: readonly JsonMap[]): string[] {
  if (podReady(pod)) return [];
  const problems: string[] = [];
  const scheduled = condition(pod, "PodScheduled");
  if (text(scheduled, "status") === "False")
    problems.push(`${text(scheduled, "reason")}: ${text(scheduled, "message")}`);
  if (text(pod, "status", "phase") === "Failed" && text(pod, "status", "reason") !== "") {
    problems.push(`${text(pod, "status", "reason")}: ${text(pod, "status", "message")}`);
  }
  problems.push(...containers(pod).flatMap((container) => containerProblem(container) ?? []));
  problems.push(
    ...warningsOf(pod, events).filter(
      (line) => !problems.some((problem) => problem.includes(line.replace(/^\w+( \(\d+ times\))?: /, ""))),
    ),
  );
  if (problems.length === 0 && text(pod, "status", "phase") === "Running") {
    const late = condition(pod, "Ready");
    if (text(late, "status") === "False")
      problems.push(`is running but not ready: ${text(late, "message") || text(late, "reason")}`);
  }
  return problems.map((problem) => `pod ${nameOf(pod)}: ${problem}`);
}

/** The newest warning of each reason about an object. */
export function warningsOf(object: JsonMap, events: readonly JsonMap[]): string[] {
  const newest = new Map<string, JsonMap>();
  for (const event of events) {
    if (text(event, "involvedObject", "uid") !== uidOf(object) || text(event, "type") !== "Warning") continue;
    const before = newest.get(text(event, "reason"));
    if (before === undefined || eventTime(before) <= eventTime(event)) newest.set(text(event, "reason"), event);
  }
  return [...newest.values()].map((event) => {
    const times = Math.max(count(event, "count"), count(event, "series", "count"));
    return `${text(event, "reason")}${times > 1 ? ` (${times} times)` : ""}: ${text(event, "message")}`;
  });
}

const eventTime = (event: JsonMap): string =>
  text(event, "series", "lastObservedTime") ||
  text(event, "lastTimestamp") ||
  text(event, "eventTime") ||
  text(event, "metadata", "creationTimestamp");

/** Problems of all pods, at most `limit` lines, the same ones of several pods told once. */
export function problemsOf(
  pods: readonly JsonMap[],
  events: readonly JsonMap[],
  limit = 12,
): { problems: string[]; culprits: JsonMap[] } {
  const culprits: JsonMap[] = [];
  const byProblem = new Map<string, { first: string; more: number }>();
  for (const pod of pods) {
    const problems = podProblems(pod, events);
    if (problems.length > 0) culprits.push(pod);
    for (const line of problems) {
      const key = line.slice(line.indexOf(": ") + 2).replaceAll(nameOf(pod), "");
      const known = byProblem.get(key);
      if (known === undefined) byProblem.set(key, { first: line, more: 0 });
      else known.more++;
    }
  }
  const lines = [...byProblem.values()].map(({ first, more }) =>
    more === 0 ? first : `${first} (and ${more} more pods)`,
  );
  return {
    problems: lines.length > limit ? [...lines.slice(0, limit), `and ${lines.length - limit} more`] : lines,
    culprits,
  };
}

import { z } from "zod";

/** What an experiment says. It is data: checked whole before anything is touched, and exported for Chaos Toolkit (toolkit.ts). */

const seconds = (most: number) => z.number().positive().max(most);
const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, { error: "must be the name of a Kubernetes object" });
const labels = z.record(z.string().min(1), z.string()).refine((map) => Object.keys(map).length > 0, {
  error: "must name at least one label; an empty selector matches every pod",
});

/** Pods that a fault may hit. */
export const podTarget = z.strictObject({
  namespace: objectName,
  labels,
  /** Which of those that match: so many, drawn by the seed; or all of them. */
  pick: z.union([z.int().positive().max(100), z.literal("all")]).default(1),
});
/** A node: one by name, or the one on which the first of the target's pods runs. */
export const nodeTarget = z.union([z.strictObject({ node: objectName }), z.strictObject({ of: podTarget })]);
export const workloadTarget = z.strictObject({
  kind: z.enum(["Deployment", "StatefulSet"]),
  namespace: objectName,
  name: objectName,
});

const fault = <K extends string, S extends z.core.$ZodLooseShape>(kind: K, shape: S) =>
  z.strictObject({ kind: z.literal(kind), ...shape });

export const faultSchema = z.discriminatedUnion("kind", [
  fault("pod-kill", { target: podTarget, graceSeconds: z.int().min(0).max(3600).default(0) }),
  /** SIGKILL to the container's first process. */
  fault("container-kill", { target: podTarget, container: objectName }),
  /** Through the eviction API, which a disruption budget may refuse. */
  fault("pod-evict", { target: podTarget }),
  /** Cordons the node and evicts its pods of the allowed namespaces. */
  fault("node-drain", { target: nodeTarget }),
  fault("node-stop", { target: nodeTarget }),
  /** Off the whole network, or only from one other node. */
  fault("node-partition", { target: nodeTarget, from: nodeTarget.optional() }),
  fault("cpu-pressure", { target: podTarget, workers: z.int().positive().max(64).default(1) }),
  fault("memory-pressure", { target: podTarget, megabytes: z.int().positive().max(65_536) }),
  /** Fills the volume at a path of the pod until so much is left. */
  fault("disk-fill", {
    target: podTarget,
    container: objectName,
    path: z.string().startsWith("/"),
    leaveMegabytes: z.int().min(0),
  }),
  /** Names no longer resolve for the pods. */
  fault("dns-failure", { target: podTarget }),
  /** What the pods reach through a Service becomes slow, or is cut; for them alone. */
  fault("dependency", {
    target: podTarget,
    service: z.strictObject({ namespace: objectName, name: objectName, port: z.int().min(1).max(65_535) }),
    toxic: z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("latency"), milliseconds: z.int().positive().max(60_000) }),
      z.strictObject({ type: z.literal("cut") }),
    ]),
  }),
  fault("api-server-down", {}),
  /** The login of a database role ends now. */
  fault("credential-expiry", { role: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/) }),
  fault("scale-to-zero", { target: workloadTarget }),
]);

const tolerance = z.union([
  z.strictObject({ equals: z.union([z.string(), z.number(), z.boolean()]) }),
  z.strictObject({ atMost: z.number() }),
  z.strictObject({ atLeast: z.number() }),
]);
const bareProbe = <K extends string, S extends z.core.$ZodLooseShape>(kind: K, shape: S) =>
  z.strictObject({
    kind: z.literal(kind),
    name: z.string().min(1).max(120),
    /** `start` and `end` look once, `edge` at both; `continuous` all the time; `during` while a fault is held. */
    mode: z.enum(["start", "end", "edge", "continuous", "during"]),
    /** Seconds between two looks of a mode that looks more than once. @default 1 */
    every: seconds(60).default(1),
    ...shape,
  });
const probe = <K extends string, S extends z.core.$ZodLooseShape>(kind: K, shape: S) =>
  bareProbe(kind, { tolerance, ...shape });

export const probeSchema = z.discriminatedUnion("kind", [
  /** Status code of a GET at the stack's output of that service. */
  probe("http", { service: z.string().min(1), path: z.string().startsWith("/"), timeout: seconds(60).default(2) }),
  /** Ready pods of a workload. */
  probe("ready-replicas", { workload: workloadTarget }),
  /** Whether every member of Postgres is ready, one leads, and a synchronous standby has all that is acknowledged. */
  bareProbe("postgres-whole", {}),
  /** Members that take writes, as the API server has it. */
  probe("postgres-primaries", {}),
  /** An objective of the SLO table that holds from one moment to the next; the table says what is tolerated. */
  bareProbe("objective", {
    /** Its id in docs/slos.md: `taskdb-response`. */
    objective: z.string().min(1),
    service: z.string().min(1),
    /** What a client of our own asks for, ten times a second. */
    path: z.string().startsWith("/"),
    /** Seconds of answers that count. */
    window: seconds(600).default(10),
  }),
]);

const step = z.strictObject({
  fault: faultSchema,
  /** Seconds that the fault is held before it is undone; a fault that ends by itself is waited for that long. */
  hold: seconds(900),
  /** Seconds of rest before it. @default 0 */
  after: z.number().min(0).max(900).default(0),
});

export const experimentSchema = z.strictObject({
  /** Also the name of its runbook, `docs/runbooks/chaos-<name>.md`. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, { error: "must be a short name of lower-case letters, digits and dashes" }),
  title: z.string().min(1).max(120),
  description: z.string().min(20),
  contributions: z.record(z.string(), z.enum(["high", "medium", "low", "none"])),
  tags: z.array(z.string()).default([]),
  "steady-state-hypothesis": z.strictObject({ title: z.string().min(1), probes: z.array(probeSchema).min(1) }),
  method: z.array(step).min(1),
  /** What is written and read again while the faults strike; nothing acknowledged may be lost. */
  ledger: z.enum(["postgres", "taskdb"]).optional(),
  limits: z.strictObject({
    /** Namespaces that may be hit. */
    namespaces: z.array(objectName).min(1),
    /** Largest share of a workload's pods, above 0 and up to 1. */
    share: z.number().positive().max(1),
    /** Seconds after which the experiment is ended, whatever it does. */
    deadline: seconds(3600),
    /** Seconds that a continuous probe may be outside its tolerance before the experiment is aborted. @default never */
    abortAfter: seconds(900).optional(),
  }),
  /** Seconds for everything to be whole again after the method, or the experiment has failed. */
  recovery: seconds(1800),
});

export type Experiment = z.infer<typeof experimentSchema>;
export type ExperimentInput = z.input<typeof experimentSchema>;
export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault["kind"];
export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;
export type Probe = z.infer<typeof probeSchema>;
export type ProbeKind = Probe["kind"];
export type PodTarget = z.infer<typeof podTarget>;
export type NodeTarget = z.infer<typeof nodeTarget>;
export type WorkloadTarget = z.infer<typeof workloadTarget>;
export type Step = z.infer<typeof step>;
export type Tolerance = z.infer<typeof tolerance>;

/** An experiment that is not as it must be: each problem with its place, value and what would be right. */
export class InvalidExperiment extends Error {
  constructor(
    readonly source: string,
    readonly problems: readonly string[],
  ) {
    super(`${source} is no valid experiment:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "InvalidExperiment";
  }
}

/**
 * @param source where it stands, for the error
 * @throws InvalidExperiment
 */
export function parseExperiment(data: unknown, source: string): Experiment {
  const parsed = experimentSchema.safeParse(data);
  if (!parsed.success)
    throw new InvalidExperiment(
      source,
      parsed.error.issues.map((issue) => problem(issue, data)),
    );
  const outside = parsed.data.method.flatMap(({ fault }, index) =>
    namespacesOf(fault)
      .filter((namespace) => !parsed.data.limits.namespaces.includes(namespace))
      .map(
        (namespace) =>
          `method.${index}.fault is aimed at namespace ${namespace}; add it to limits.namespaces, or aim elsewhere`,
      ),
  );
  if (outside.length > 0) throw new InvalidExperiment(source, outside);
  return parsed.data;
}

/** Namespaces that a fault names; a fault of a whole node is held to them when it chooses its victims. */
export function namespacesOf(fault: Fault): string[] {
  if (!("target" in fault)) return [];
  const { target } = fault;
  if ("namespace" in target) return [target.namespace];
  return "of" in target ? [target.of.namespace] : [];
}

function problem(issue: z.core.$ZodIssue, data: unknown): string {
  const place = issue.path.join(".") || "the experiment";
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], data);
  const shown = value === undefined ? "is missing" : `is ${JSON.stringify(value).slice(0, 80)}`;
  return `${place} ${shown}: ${issue.message}`;
}

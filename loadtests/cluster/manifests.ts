import { imageReference } from "../../infra/imageReference";
import { labelsOf } from "../../infra/workload/labels";
import { dns, networkPolicySpec, type Flow } from "../../infra/workload/network";
import { podSpec, reasons, type PodArgs } from "../../infra/workload/podSpec";
import type { Plan } from "../plan";

/** A service under load, as its Service in the cluster says. */
export interface ClusterTarget {
  readonly namespace: string;
  /** Labels of its pods. */
  readonly pods: Readonly<Record<string, string>>;
  /** Port of its pods. */
  readonly port: number;
}

export interface ShardedRun {
  /** From {@link shardedPlan}. */
  readonly plan: Plan & { readonly shards: number };
  readonly script: string;
  readonly targets: readonly ClusterTarget[];
  /** Who sends it: `host/pid`. */
  readonly sender: string;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Every object of a run has it, with the run's name. */
export const runLabel = "ballast.dev/load-run";
export const senderAnnotation = "ballast.dev/load-sender";
export const containerName = "k6";
const name = "ballast-load";
const folder = "/load";
/** Of a scenario, in a shard. */
const LEAST_USERS = 2;
/** What the API server takes in one ConfigMap, less some for its metadata. */
const MOST_BYTES = 2 ** 20 - 16 * 2 ** 10;
/** For pods to start, the setup, what is under way at the end, and the summary. */
const BESIDE_SECONDS = 300;
/** A run whose sender was killed ends by itself; its Job goes after so long. */
const KEPT_SECONDS = 600;

/** Of the Job and of what belongs to it. */
export const runName = (run: string): string => `load-${run.toLowerCase()}`;

/** The same load for several senders. k6 gives a sender without a user of its own none of the load, and does not say so. */
export function shardedPlan(plan: Plan, shards: number): ShardedRun["plan"] {
  const scenarios = Object.entries(plan.options.scenarios).map(([scenario, arrival]) => {
    const preAllocatedVUs = Math.max(arrival.preAllocatedVUs, LEAST_USERS * shards);
    return [scenario, { ...arrival, preAllocatedVUs, maxVUs: Math.max(arrival.maxVUs, preAllocatedVUs) }] as const;
  });
  return { ...plan, summary: "stderr", shards, options: { ...plan.options, scenarios: Object.fromEntries(scenarios) } };
}

/** The namespace that the shards run in: that of the first service under load. */
export const namespaceOf = ({ targets }: Pick<ShardedRun, "targets">): string => {
  const [first] = targets;
  if (first === undefined) throw new Error("a load test in the cluster needs a service to put under load");
  return first.namespace;
};

/**
 * What a run is in the cluster: the plan and the script, the flows that its pods need and no longer than it lasts, and the Job.
 *
 * @throws Error when plan and script are more than a ConfigMap holds
 */
export function manifests(run: ShardedRun): Manifest[] {
  return [configMap(run), ...policies(run), job(run)];
}

function metadata(run: ShardedRun, own: string, namespace: string, annotations: Record<string, string> = {}) {
  return {
    name: own,
    namespace,
    labels: labels(run),
    annotations: { [senderAnnotation]: run.sender, ...annotations },
  };
}

function labels({ plan, targets }: ShardedRun): Record<string, string> {
  const identity = { name, namespace: namespaceOf({ targets }), component: "load", owner: "platform" };
  return { ...labelsOf(identity), "app.kubernetes.io/managed-by": name, [runLabel]: plan.run };
}

function configMap(run: ShardedRun): Manifest {
  const data = { "plan.json": JSON.stringify(run.plan), "script.js": run.script };
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MOST_BYTES)
    throw new Error(
      `the plan and the script are ${bytes} bytes, and a ConfigMap holds ${MOST_BYTES}: choose fewer scenarios with --scenario`,
    );
  return { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(run, nameOf(run), namespaceOf(run)), data };
}

const nameOf = ({ plan }: ShardedRun): string => runName(plan.run);

/** The pods' way out, and into each service that is under load: both are closed to all that is not declared. */
function policies(run: ShardedRun): Manifest[] {
  const namespace = namespaceOf(run);
  const own = { [runLabel]: run.plan.run };
  const policy = (suffix: string, where: string, spec: object): Manifest => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(run, `${nameOf(run)}-${suffix}`, where),
    spec,
  });
  const flow = (peer: string, pods: Readonly<Record<string, string>>, port: number): Flow => ({
    peer: { pods, namespaces: { "kubernetes.io/metadata.name": peer } },
    ports: [port],
  });
  const out = run.targets.map((target) => flow(target.namespace, target.pods, target.port));
  const into = run.targets.map((target, index) => {
    const { podSelector, ingress } = networkPolicySpec(target.pods, {
      ingress: [flow(namespace, own, target.port)],
      egress: [],
    });
    return policy(`to-${index}`, target.namespace, { podSelector, ingress, policyTypes: ["Ingress"] });
  });
  return [policy("out", namespace, networkPolicySpec(own, { ingress: [], egress: [dns, ...out] })), ...into];
}

function job(run: ShardedRun): Manifest {
  const { plan } = run;
  const pod: PodArgs = {
    name,
    namespace: namespaceOf(run),
    component: "load",
    owner: "platform",
    priority: "ballast-batch",
    containers: [
      {
        name: containerName,
        image: imageReference("k6"),
        args: ["run", "--quiet", "--no-color", "--no-usage-report", "--address=", "--out=csv=-", `${folder}/script.js`],
        environment: { K6_CSV_TIME_FORMAT: "unix_milli", BALLAST_LOAD_PLAN: `${folder}/plan.json`, HOME: "/tmp" },
        // More than the load takes: a shard that is held back would measure itself.
        sizes: { cpu: { request: "200m", limit: "1" }, memory: { request: "128Mi", limit: "512Mi" } },
        probes: { waived: "It sends its share of the load and ends; its exit code is its health" },
        mounts: { [folder]: { volume: "load", readOnly: true }, "/tmp": { volume: "tmp" } },
      },
    ],
    volumes: {
      load: { kind: "config", configMap: nameOf(run) },
      tmp: { kind: "scratch", sizeLimit: "16Mi" },
    },
    user: { uid: 65532, gid: 65532 },
    sharesNodes: "if needed",
    stopSeconds: 30,
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata(run, nameOf(run), namespaceOf(run), reasons(pod)),
    spec: {
      completionMode: "Indexed",
      completions: plan.shards,
      parallelism: plan.shards,
      // A shard that missed an objective does not end the others, and none is sent twice.
      backoffLimitPerIndex: 0,
      activeDeadlineSeconds: Math.ceil(plan.seconds) + BESIDE_SECONDS,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels: labels(run) },
        spec: { ...podSpec(pod), serviceAccountName: "default", restartPolicy: "Never" },
      },
    },
  };
}

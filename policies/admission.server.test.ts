import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../cli/testing/skip";
import { ensureToolchain, hostUnfit } from "../local/cluster";
import { lines } from "../local/cluster/testing";
import { ADMISSION_RULES, type AdmissionRule, admissionRules } from "./admission";
import type { Exemption } from "./exemption";
import { type Answer, ApiServer } from "./fixtures/api-server";
import { FIXTURES } from "./fixtures/index";
import { rulesOf } from "./pack";
import { container, podSpec, type Properties } from "./testing";

const NAMESPACE = "shop";
const TODAY = "2026-01-01";

const exemption = (rule: string, kind: string, changes: Partial<Exemption> = {}): Exemption => ({
  rule,
  kind,
  namespace: NAMESPACE,
  name: "exempt",
  reason: "…",
  expires: "2026-06-30",
  ...changes,
});
const EXEMPTIONS: readonly Exemption[] = [
  exemption("read-only-root", "Deployment", { container: "app" }),
  exemption("read-only-root", "CronJob"),
  exemption("no-host-path", "DaemonSet"),
];

const labels = { app: "web" };
type Make = (spec: unknown, name?: string, metadata?: Properties) => { path: string; body: Properties };

/** The same pod in each kind of object. */
const KINDS: Readonly<Record<string, Make>> = {
  Pod: (spec, name = "web", metadata = {}) => ({
    path: `/api/v1/namespaces/${NAMESPACE}/pods`,
    body: { apiVersion: "v1", kind: "Pod", metadata: { name, ...metadata }, spec },
  }),
  Deployment: controller("Deployment", { replicas: 1 }),
  StatefulSet: controller("StatefulSet", { serviceName: "web" }),
  DaemonSet: controller("DaemonSet", {}),
  Job: (spec, name = "web") => ({
    path: `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
    body: { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { template: once(spec) } },
  }),
  CronJob: (spec, name = "web") => ({
    path: `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs`,
    body: {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name },
      spec: { schedule: "0 0 * * *", jobTemplate: { spec: { template: once(spec) } } },
    },
  }),
};

function controller(kind: string, fields: Properties): Make {
  return (spec, name = "web") => ({
    path: `/apis/apps/v1/namespaces/${NAMESPACE}/${kind.toLowerCase()}s`,
    body: {
      apiVersion: "apps/v1",
      kind,
      metadata: { name },
      spec: { ...fields, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
  });
}

const once = (spec: unknown): Properties => ({ spec: { ...(spec as Properties), restartPolicy: "Never" } });

/** A policy and its binding, as `infra/` would declare them. */
function policyOf(rule: AdmissionRule): { policy: Properties; binding: Properties } {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: rule.name };
  const resourceRules = rule.matchKinds.map(({ apiGroup, apiVersion: version, resource }) => ({
    apiGroups: [apiGroup],
    apiVersions: [version],
    operations: ["CREATE", "UPDATE"],
    resources: [resource],
  }));
  return {
    policy: {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules },
        validations: [{ expression: rule.expression, message: rule.message }],
      },
    },
    binding: {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: rule.name, validationActions: ["Deny"] },
    },
  };
}

describe("admission rules on an API server", function () {
  this.timeout(180_000);
  let directory: string;
  let server: ApiServer | undefined;

  const create = (made: { path: string; body: Properties }): Promise<Answer> => {
    if (server === undefined) throw new Error("no server");
    return server.call("POST", `${made.path}?dryRun=All`, made.body);
  };

  before(async function () {
    const unfit = hostUnfit();
    if (unfit) return skip(this, unfit);
    directory = await mkdtemp(join(tmpdir(), "ballast-admission-"));
    server = new ApiServer(directory, (await ensureToolchain(lines)).directory);
    await server.start();
    await server.call("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: NAMESPACE },
    });
    const rules = admissionRules({
      rules: rulesOf([]),
      exemptions: EXEMPTIONS,
      levels: new Map(),
      environment: "local",
      project: "ballast",
      stack: "local",
      today: TODAY,
    });
    for (const rule of rules) {
      const { policy, binding } = policyOf(rule);
      const base = "/apis/admissionregistration.k8s.io/v1";
      const made = await server.call("POST", `${base}/validatingadmissionpolicies`, policy);
      assert.equal(made.status, 201, `${rule.name}: ${made.message}\n${rule.expression}`);
      assert.equal((await server.call("POST", `${base}/validatingadmissionpolicybindings`, binding)).status, 201);
    }
    // The server takes new policies up one after the other, a moment later.
    for (const rule of ADMISSION_RULES) {
      for (const kind of ["Pod", "Deployment", "CronJob"]) {
        const refused = async (): Promise<boolean> => (await create(broken(rule, kind))).status !== 201;
        await server.until(refused, `${rule} is enforced on ${kind}`);
      }
    }
  });

  after(async () => {
    await server?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  /** What breaks the rule by the pack's own fixtures, in an object of `kind`. */
  function broken(
    rule: string,
    kind: string,
    name?: string,
    metadata?: Properties,
  ): { path: string; body: Properties } {
    const props = FIXTURES[rule]?.fails[0]?.props as { spec: { template: { spec: unknown } } };
    const make = KINDS[kind];
    assert.ok(make);
    return make(props.spec.template.spec, name, metadata);
  }

  for (const kind of Object.keys(KINDS)) {
    it(`admit a ${kind} that keeps every rule`, async () => {
      const { status, message } = await create(KINDS[kind]?.(podSpec()) ?? assert.fail());
      assert.equal(status, 201, message);
    });

    for (const rule of ADMISSION_RULES) {
      it(`refuse a ${kind} that breaks ${rule}, as the pack does`, async () => {
        const { status, message } = await create(broken(rule, kind));
        assert.equal(status, 422, message);
        assert.match(message, new RegExp(`ValidatingAdmissionPolicy '${rule}-\\w+'.* denied request: ${rule}: `));
      });
    }
  }

  it("refuse what init and sidecar containers do", async () => {
    const bad = { securityContext: { ...(container()["securityContext"] as object), readOnlyRootFilesystem: false } };
    const spec = podSpec({
      initContainers: [container({ name: "init", livenessProbe: null, readinessProbe: null, ...bad })],
    });
    const { message } = await create(KINDS["Deployment"]?.(spec) ?? assert.fail());
    assert.match(message, /'read-only-root-template'/);
  });

  it("refuse a pod without any limit, made by hand", async () => {
    const { status, message } = await create(
      KINDS["Pod"]?.(podSpec({ containers: [container({ resources: undefined })] })) ?? assert.fail(),
    );
    assert.equal(status, 422, message);
    assert.match(message, /container-resources-set: Every container/);
  });

  it("honour exemptions, for what is made from the object too, and for nothing else", async () => {
    const owner = (kind: string, name: string): Properties => ({
      ownerReferences: [
        { apiVersion: "apps/v1", kind, name, uid: "00000000-0000-0000-0000-000000000000", controller: true },
      ],
    });
    const rule = "read-only-root";
    const admitted = [
      broken(rule, "Deployment", "exempt"),
      broken(rule, "Pod", "exempt-5d9c7b-x2x4z", owner("ReplicaSet", "exempt-5d9c7b")),
      broken(rule, "CronJob", "exempt"),
      broken(rule, "Pod", "exempt-123-abcde", owner("Job", "exempt-123")),
      broken("no-host-path", "DaemonSet", "exempt"),
      broken("no-host-path", "Pod", "exempt-abcde", owner("DaemonSet", "exempt")),
    ];
    for (const each of admitted) {
      const { status, message } = await create(each);
      assert.equal(status, 201, message);
    }
    const refused = [
      broken(rule, "Deployment", "exempt2"),
      broken(rule, "StatefulSet", "exempt"),
      broken(rule, "Pod", "exempt"),
      broken(rule, "Pod", "other", owner("ReplicaSet", "exempted-5d9c7b")),
      broken("no-host-path", "Deployment", "exempt"),
    ];
    for (const each of refused) assert.equal((await create(each)).status, 422);
  });
});

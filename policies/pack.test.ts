import assert from "node:assert/strict";
import type { EngineEvent } from "../local/engine/events";
import type { PolicyResource, PolicyRunner } from "../local/engine/policy/policy";
import { startPolicyPack } from "../local/engine/policy/runner";
import { type PropertyMap, Secret, UNKNOWN } from "../local/engine/values";
import { rulesOf } from "./pack";
import { container, deploymentProps, LABELS, podSpec } from "./testing";

const TYPE = "kubernetes:apps/v1:Deployment";

/** A Deployment as the engine hands it over; `image` may be a secret or unknown, which plain JSON cannot hold. */
function deployment(changes: Record<string, unknown>, image?: PropertyMap[string], replicas = 1): PolicyResource {
  const spec = podSpec({ containers: [container({ name: "exporter", ...changes })] });
  const properties = deploymentProps(spec, { replicas });
  const plain = JSON.parse(JSON.stringify(properties)) as PropertyMap & {
    spec: { template: { spec: { containers: PropertyMap[] } } };
  };
  const [only] = plain.spec.template.spec.containers;
  assert.ok(only);
  if (image !== undefined) only["image"] = image;
  const urn = `urn:pulumi:local::shop::${TYPE}::web`;
  return { urn, type: TYPE, name: "web", properties: plain, dependencies: [], propertyDependencies: {} };
}

/** An object `shop/web` of another kind. */
function other(type: string, spec: PropertyMap): PolicyResource {
  const metadata = { name: "web", namespace: "shop", labels: LABELS };
  const urn = `urn:pulumi:local::shop::kubernetes:${type}::web`;
  return { ...deployment({}), urn, type: `kubernetes:${type}`, properties: { metadata, spec } };
}

describe("policy pack, run by the SDK", function () {
  // The SDK's runner checks the types of every file the first time, on whatever processor is left.
  this.timeout(180_000);

  const events: EngineEvent[] = [];
  const runners: PolicyRunner[] = [];
  const start = async (config: Record<string, unknown> = {}, stack = "local"): Promise<PolicyRunner> => {
    const runner = await startPolicyPack({
      directory: __dirname,
      config,
      project: "shop",
      stack,
      organization: "organization",
      dryRun: true,
      events: (event) => events.push(event),
      signal: new AbortController().signal,
    });
    runners.push(runner);
    return runner;
  };
  const told = (): { policy: string; level: string; message: string }[] =>
    events
      .splice(0)
      .flatMap((event) =>
        event.kind === "policy" ? [{ policy: event.policy, level: event.level, message: event.message }] : [],
      );

  let pack: PolicyRunner;
  before(async () => {
    pack = await start();
  });
  after(async () => {
    await Promise.all(runners.map((runner) => runner.close()));
  });
  beforeEach(() => {
    events.length = 0;
  });

  it("passes a workload that keeps every rule", async () => {
    assert.equal(await pack.analyze(deployment({})), 0);
    assert.deepEqual(told(), []);
  });

  it("passes what makes no pods", async () => {
    const urn = "urn:pulumi:local::shop::kubernetes:core/v1:ConfigMap::settings";
    const settings = {
      ...deployment({}),
      urn,
      type: "kubernetes:core/v1:ConfigMap",
      properties: { metadata: { name: "settings", labels: LABELS }, data: { key: "value" } },
    };
    assert.equal(await pack.analyze(settings), 0);
  });

  it("counts a breach of each rule on containers as mandatory", async () => {
    const probe = { tcpSocket: { port: 80 } };
    const bare = {
      image: "app",
      resources: { requests: { cpu: "3" }, limits: { cpu: "1" } },
      securityContext: null,
      livenessProbe: null,
      ports: [{ containerPort: 80, hostPort: 80 }],
    };
    assert.equal(await pack.analyze(deployment(bare)), 13);
    assert.equal(await pack.analyze(deployment({ readinessProbe: probe, livenessProbe: probe })), 1);
    const heard = told();
    const rules = rulesOf([])
      .filter(({ scope, name }) => scope === "container" && name !== "image-digest")
      .map(({ name }) => name);
    assert.deepEqual([...new Set(heard.map(({ policy }) => policy))].sort(), rules.sort());
    assert.ok(heard.every(({ level }) => level === "mandatory"));
    assert.ok(heard.every(({ message }) => message.includes("Deployment shop/web, container 'exporter': ")));
  });

  it("notes an unknown value, and stops nothing for it", async () => {
    assert.equal(await pack.analyze(deployment({}, UNKNOWN)), 0);
    const [note] = told();
    assert.equal(note?.level, "advisory");
    assert.match(
      note?.message ?? "",
      /can't run policy 'image-pinned'.*containers\.0\.image can't be known during preview/,
    );
  });

  it("sees through secrets", async () => {
    assert.equal(await pack.analyze(deployment({}, new Secret("ghcr.io/ballast-platform/app:1"))), 0);
    assert.equal(await pack.analyze(deployment({}, new Secret("ghcr.io/ballast-platform/app"))), 1);
  });

  it("judges the stack as a whole", async () => {
    const replicated = deployment({}, undefined, 3);
    const denial = other("networking.k8s.io/v1:NetworkPolicy", {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
    });
    assert.equal(await pack.analyzeStack([replicated, denial]), 1);
    assert.match(told()[0]?.message ?? "", /no PodDisruptionBudget of the stack selects its pods \(labels: app=web\)/);
    const selector = { matchLabels: { app: "web" } };
    const budget = other("policy/v1:PodDisruptionBudget", { selector, maxUnavailable: 1 });
    assert.equal(await pack.analyzeStack([replicated, denial, budget]), 0);
  });

  it("takes levels and the environment from the configuration, and remediates when it is asked to", async () => {
    const configured = await start({
      "no-privilege-escalation": "remediate",
      seccomp: "remediate",
      probes: "disabled",
      "container-resources-ceiling": { environment: "prod" },
    });
    const large = { requests: { cpu: "4", memory: "8Gi" }, limits: { cpu: "8", memory: "32Gi" } };
    const securityContext = { readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ["ALL"] } };
    const image = new Secret("ghcr.io/ballast-platform/app:1");
    const resource = deployment({ resources: large, securityContext, livenessProbe: null }, image);
    const properties = await configured.remediate(resource);
    const spec = properties["spec"] as { template: { spec: { containers: PropertyMap[] } } };
    const [changed] = spec.template.spec.containers;
    assert.deepEqual(changed?.["securityContext"], {
      ...securityContext,
      allowPrivilegeEscalation: false,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.ok(changed["image"] instanceof Secret, "a remediation must not lay a secret open");
    assert.equal(await configured.analyze({ ...resource, properties }), 0);
  });

  it("holds a stack to the levels of its environment", async () => {
    const upstream = deployment({}, "docker.io/library/redis:7.4.1");
    const levels = async (stack: string): Promise<string[]> => {
      const runner = await start({}, stack);
      events.length = 0;
      await runner.analyze({ ...upstream, urn: upstream.urn.replace(":local:", `:${stack}:`) });
      return told().map(({ policy, level }) => `${level} ${policy}`);
    };
    assert.deepEqual(await levels("dev"), []);
    assert.deepEqual(await levels("staging"), ["advisory image-digest"]);
    assert.deepEqual(await levels("prod-eu"), ["mandatory image-digest"]);
  });

  it("refuses an environment that there is not", async () => {
    await assert.rejects(start({ "container-resources-ceiling": { environment: "lokal" } }), /environment.*local/s);
  });
});

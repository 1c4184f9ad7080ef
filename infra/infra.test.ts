import assert from "node:assert/strict";
import type { input } from "@pulumi/kubernetes/types";
import type * as pulumi from "@pulumi/pulumi";
import type { Declared } from "./testing/declared";
import { passwordOf } from "./testing/declared";
import { declaredByProgram } from "./testing/program";

/** A pod's part of a workload with its inputs resolved, as far as these tests look. */
type Plain<T> = T extends pulumi.Input<infer U>[] ? Plain<U>[] : T extends pulumi.Input<infer U> ? U : T;
type Container = Plain<input.core.v1.Container> & { name: string };
interface PodSpec {
  readonly containers: Container[];
  readonly initContainers?: Container[];
  readonly securityContext: Record<string, unknown>;
  readonly affinity: { podAntiAffinity: Record<string, unknown> };
  readonly volumes: Record<string, unknown>[];
}

const workloadKinds = ["StatefulSet", "Deployment", "DaemonSet", "Job", "CronJob"];
const kindOf = ({ type }: Declared) => type.split(":").at(-1) ?? "";

describe("the local stack", () => {
  let declared: readonly Declared[];
  let program: typeof import("./index.js");

  before(async () => {
    ({ declared, outputs: program } = await declaredByProgram("local"));
  });

  const ofKind = (kind: string) => declared.filter((resource) => kindOf(resource) === kind);
  const workloads = () => declared.filter((resource) => workloadKinds.includes(kindOf(resource)));
  const get = <T>({ inputs }: Declared, ...path: string[]): T =>
    path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], inputs) as T;
  const template = ["spec", "template", "spec"];
  const podOf = (resource: Declared) =>
    get<PodSpec>(resource, ...(kindOf(resource) === "CronJob" ? ["spec", "jobTemplate"] : []), ...template);
  /** What runs until it is stopped, not until it is done. */
  const runsOn = (resource: Declared) => !["Job", "CronJob"].includes(kindOf(resource));
  const containers = (of = workloads()) =>
    of.flatMap((workload) => [...podOf(workload).containers, ...(podOf(workload).initContainers ?? [])]);

  it("declares the workloads", () => {
    assert.deepEqual(
      workloads()
        .map(({ name }) => name)
        .sort(),
      ["edge", "edge-authority", "edge-authority-first", "edge-front", "postgres", "taskdb", "taskdb-migrate"],
    );
  });

  it("gives every container limits, probes and no way out", () => {
    const probed = new Set(containers(workloads().filter(runsOn)));
    for (const container of containers()) {
      const resources = container.resources as Record<string, Record<string, string>>;
      for (const kind of ["requests", "limits"]) {
        assert.ok(resources[kind]?.["cpu"] && resources[kind]["memory"], `${container.name}: ${kind}`);
      }
      if (probed.has(container)) {
        assert.ok(container.readinessProbe && container.livenessProbe, `${container.name}: probes`);
      }
      assert.deepEqual(
        container.securityContext,
        {
          allowPrivilegeEscalation: false,
          privileged: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
        container.name,
      );
    }
  });

  it("gives every workload a network policy, and what is replicated a disruption budget of its own", () => {
    for (const workload of workloads().filter(runsOn)) {
      const selector = get<object>(workload, "spec", "selector", "matchLabels");
      const selectors = (kind: string, key: string) =>
        ofKind(kind).map((one) => get<object>(one, "spec", key, "matchLabels"));
      const budgets = selectors("PodDisruptionBudget", "selector").filter(
        (own) => JSON.stringify(own) === JSON.stringify(selector),
      );
      // Where an autoscaler chooses, no number stands.
      if ((get<number | undefined>(workload, "spec", "replicas") ?? 2) > 1)
        assert.equal(budgets.length, 1, workload.name);
      assert.ok(
        selectors("NetworkPolicy", "podSelector").some((own) => JSON.stringify(own) === JSON.stringify(selector)),
      );
    }
  });

  it("denies all traffic in every namespace that it does not declare", () => {
    for (const namespace of ofKind("Namespace")) {
      const name = get<string>(namespace, "metadata", "name");
      const denial = ofKind("NetworkPolicy").find(
        (policy) => get(policy, "metadata", "name") === "default-deny" && get(policy, "metadata", "namespace") === name,
      );
      assert.deepEqual(denial && get(denial, "spec"), {
        podSelector: { matchLabels: {} },
        policyTypes: ["Ingress", "Egress"],
        ingress: [],
        egress: [],
      });
      assert.equal(get(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce"), "restricted");
      assert.ok(ofKind("ResourceQuota").some((quota) => get(quota, "metadata", "namespace") === name));
    }
  });

  it("puts the three members of Postgres on three nodes", () => {
    const [server] = ofKind("StatefulSet");
    assert.ok(server);
    assert.equal(get(server, "spec", "replicas"), 3);
    assert.deepEqual(podOf(server).affinity.podAntiAffinity, {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: "kubernetes.io/hostname",
          labelSelector: {
            matchLabels: { "app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": "postgres" },
          },
        },
      ],
    });
  });

  it("labels every object of the platform with its owner or its part", () => {
    for (const object of declared.filter(({ type, read }) => type.startsWith("kubernetes:") && !read)) {
      const { labels } = (object.inputs["metadata"] ?? {}) as { labels?: Record<string, string> };
      assert.equal(labels?.["app.kubernetes.io/part-of"], "ballast", `${kindOf(object)} ${object.name}`);
    }
  });

  it("acknowledges no commit that a standby lacks, and keeps Patroni's rule of time", () => {
    const config = ofKind("ConfigMap").find(({ name }) => name === "postgres");
    assert.ok(config);
    const dynamic = JSON.parse(get<string>(config, "data", "dynamic.json")) as Record<string, unknown>;
    assert.equal(dynamic["synchronous_mode"], true);
    assert.equal(dynamic["synchronous_mode_strict"], true);
    assert.ok(Number(dynamic["loop_wait"]) + 2 * Number(dynamic["retry_timeout"]) <= Number(dynamic["ttl"]));
    const patroni = JSON.parse(get<string>(config, "data", "patroni.yml")) as { bootstrap: { dcs: object } };
    assert.deepEqual(patroni.bootstrap.dcs, dynamic);
    const { parameters } = dynamic["postgresql"] as { parameters: Record<string, unknown> };
    assert.deepEqual(
      ["max_connections", "shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem"].map(
        (key) => parameters[key],
      ),
      [200, "256MB", "1GB", "4MB", "64MB"],
    );
    assert.equal(parameters["shared_preload_libraries"], "pg_stat_statements");
  });

  it("writes no password anywhere but into Secrets, roles and the provider", () => {
    const passwords = ofKind("RandomPassword").map(({ name }) => passwordOf(name));
    assert.equal(passwords.length, 8);
    const allowed = ["Secret", "Role", "postgresql"];
    for (const resource of declared.filter((one) => !allowed.includes(kindOf(one)))) {
      const text = JSON.stringify(resource.inputs);
      for (const password of passwords) assert.ok(!text.includes(password), `${kindOf(resource)} ${resource.name}`);
    }
  });

  it("lets Patroni write only what is its own", () => {
    const [role] = ofKind("Role").filter(({ type }) => type.startsWith("kubernetes:"));
    assert.ok(role);
    const rules = get<{ resources: string[]; verbs: string[]; resourceNames?: string[] }[]>(role, "rules");
    for (const rule of rules.filter(({ verbs }) =>
      verbs.some((verb) => ["get", "patch", "update", "delete"].includes(verb)),
    )) {
      assert.ok(rule.resourceNames && rule.resourceNames.length > 0, JSON.stringify(rule));
    }
    assert.ok(!JSON.stringify(rules).includes("secrets"));
  });

  it("gives a database an owner without login and logins with no more than they need", () => {
    const roles = new Map(
      ofKind("Role")
        .filter(({ type }) => type.startsWith("postgresql:"))
        .map(({ name, inputs }) => [name, inputs]),
    );
    assert.equal(roles.get("taskdb-owner")?.["login"], false);
    assert.deepEqual(roles.get("monitor")?.["roles"], ["pg_monitor"]);
    assert.equal(roles.get("taskdb-app")?.["connectionLimit"], 60);
    for (const [name, inputs] of roles) assert.ok(!inputs["superuser"] && !inputs["createRole"], name);
    const readonly = ofKind("DefaultPrivileges").find(({ name }) => name === "taskdb-readonly-table");
    assert.deepEqual(readonly?.inputs["privileges"], ["SELECT"]);
    assert.deepEqual(ofKind("Grant").find(({ name }) => name === "taskdb-public")?.inputs["privileges"], []);
  });

  it("leaves the number of the task database's pods to its autoscaler alone", () => {
    const [deployment] = ofKind("Deployment").filter(({ name }) => name === "taskdb");
    assert.ok(deployment);
    assert.equal(get(deployment, "spec", "replicas"), undefined);
    const [scaler] = ofKind("HorizontalPodAutoscaler");
    assert.ok(scaler);
    assert.deepEqual(get(scaler, "spec", "scaleTargetRef"), {
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: "taskdb",
    });
    assert.deepEqual([get(scaler, "spec", "minReplicas"), get(scaler, "spec", "maxReplicas")], [2, 5]);
  });

  it("gives each part of the task database only its own role's password", () => {
    const secretsOf = (name: string) => {
      const [workload] = workloads().filter((one) => one.name === name);
      assert.ok(workload);
      assert.equal(get(workload, "metadata", "namespace"), "apps");
      const text = JSON.stringify(podOf(workload));
      return [...new Set([...text.matchAll(/"secretKeyRef":\{[^}]*"name":"([^"]+)"/g)].map(([, secret]) => secret))];
    };
    assert.deepEqual(secretsOf("taskdb"), ["postgres-taskdb-app"]);
    assert.deepEqual(secretsOf("taskdb-migrate"), ["postgres-taskdb-migrator"]);
    for (const secret of ["postgres-taskdb-app", "postgres-taskdb-migrator"]) {
      const found = ofKind("Secret").find((one) => get(one, "metadata", "name") === secret);
      assert.equal(found && get(found, "metadata", "namespace"), "apps", secret);
    }
  });

  it("exports where everything is, and no password", () => {
    assert.equal(program.taskdb.host, "taskdb.apps.svc");
    assert.equal(program.taskdb.port, 8080);
    assert.equal(program.postgres.primary.host, "postgres.data.svc");
    assert.equal(program.postgres.superuserSecret, "postgres-superuser");
    assert.deepEqual(program.databases, [
      {
        name: "taskdb",
        namespace: "apps",
        secrets: {
          migrator: "postgres-taskdb-migrator",
          app: "postgres-taskdb-app",
          readonly: "postgres-taskdb-readonly",
        },
      },
    ]);
  });
});

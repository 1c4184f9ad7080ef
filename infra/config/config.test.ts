import assert from "node:assert/strict";
import { stackValues } from "../testing/declared";
import { readConfig } from "./index";

type Mapping = Record<string, unknown>;

/** The problems of a stack after `change` of its parsed values. */
function problemsAfter(
  change: (values: Record<string, Mapping>) => void,
  stack = "local",
  environment: string = stack,
): string {
  const values = Object.fromEntries(
    Object.entries(stackValues(stack))
      .filter(([key]) => key !== "environment")
      .map(([key, text]) => [key, JSON.parse(text) as Mapping]),
  );
  change(values);
  const texts = Object.entries(values)
    .filter(([, value]) => (value as Mapping | undefined) !== undefined)
    .map(([key, value]) => [key, JSON.stringify(value)] as const);
  try {
    readConfig({ stack, values: { environment, ...Object.fromEntries(texts) } });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

/** Sets `a.b.c` in the values. */
function set(path: string, value: unknown) {
  return (values: Record<string, Mapping>) => {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    const owner = parts.reduce<Mapping>((at, part) => (at[part] ??= {}) as Mapping, values);
    owner[last] = value;
  };
}

describe("stack configuration", () => {
  for (const stack of ["local", "dev", "staging", "prod"]) {
    it(`of ${stack} is accepted`, () => {
      assert.equal(readConfig({ stack, values: stackValues(stack) }).environment, stack);
    });
  }

  it("fills in the documents' settings", () => {
    const { settings } = readConfig({ stack: "local", values: stackValues("local") }).postgres;
    assert.deepEqual(
      [settings.maxConnections, settings.sharedBuffers.text, settings.effectiveCacheSize.text],
      [200, "256MB", "1GB"],
    );
    assert.deepEqual([settings.workMem.text, settings.maintenanceWorkMem.text], ["4MB", "64MB"]);
  });

  it("names the file, the key, the value and what is right", () => {
    assert.equal(
      problemsAfter(set("postgres.instances", "three")),
      "stacks/Pulumi.local.yaml: one value is not usable\n" +
        '  ballast:postgres.instances is "three"; it must be a whole number from 3 to 7 (members of the Postgres cluster, one a node)',
    );
  });

  const refused: readonly (readonly [what: string, path: string, value: unknown, expected: RegExp])[] = [
    [
      "a number out of range",
      "postgres.instances",
      2,
      /postgres\.instances is 2; it must be a whole number from 3 to 7/,
    ],
    ["a fraction", "postgres.instances", 3.5, /postgres\.instances is 3\.5; it must be a whole number/],
    [
      "an amount in no known unit",
      "postgres.storage",
      "5GiB",
      /postgres\.storage is "5GiB"; it must be an amount from 1Gi to 16Ti/,
    ],
    ["an amount out of range", "postgres.storage", "1Mi", /postgres\.storage is "1Mi"/],
    ["a wrong type of amount", "postgres.storage", true, /postgres\.storage is true/],
    [
      "CPU in a wrong unit",
      "postgres.resources.cpu.limit",
      "2 cores",
      /cpu\.limit is "2 cores"; it must be CPU from 250m to 64 cores/,
    ],
    [
      "a duration without a unit",
      "postgres.failover",
      { ttl: 20 },
      /failover\.ttl is 20; it must be a duration from 20s to 300s/,
    ],
    ["a duration out of range", "postgres.failover", { ttl: "19s" }, /failover\.ttl is "19s"/],
    [
      "a size in Kubernetes' units",
      "postgres.settings",
      { workMem: "4Mi" },
      /settings\.workMem is "4Mi".* PostgreSQL's units/,
    ],
    [
      "a word that is none of the allowed",
      "cluster.kind",
      "kind",
      /cluster\.kind is "kind"; it must be one of "embedded", "existing", "eks"/,
    ],
    [
      "a key of another kind of cluster",
      "cluster.context",
      "prod",
      /cluster\.context is not a known key; known here: kind, domain/,
    ],
    ["a domain that is none", "cluster.domain", "Ballast", /cluster\.domain is "Ballast".* for example "example\.com"/],
    ["a name that needs quotes", "databases.list", [{ name: "task-db" }], /databases\.list\[0\]\.name is "task-db"/],
    ["no database", "databases.list", [], /databases\.list is \[\]; it must be a list of at least one/],
    ["a mistyped key", "postgres.instnces", 3, /postgres\.instnces is not a known key; did you mean "instances"\?/],
    [
      "a key that is like none",
      "postgres.zzz",
      3,
      /postgres\.zzz is not a known key; known here: instances, resources/,
    ],
    ["a key at the top", "postgrs", {}, /ballast:postgrs is not a known key; did you mean "postgres"\?/],
    [
      "a missing section",
      "namespaces",
      undefined,
      /ballast:namespaces is missing; it must be a mapping with the keys data/,
    ],
    ["unmanaged databases without a reason", "databases", { managed: false }, /databases\.reason is missing/],
    ["a text for a section", "cluster", "embedded", /ballast:cluster is "embedded"; it must be a mapping/],
  ];
  for (const [what, path, value, expected] of refused) {
    it(`refuses ${what}`, () => assert.match(problemsAfter(set(path, value)), expected));
  }

  it("refuses an unknown environment", () => {
    assert.match(
      problemsAfter(() => undefined, "local", "test"),
      /ballast:environment is "test"; it must be one of "local", "dev"/,
    );
  });

  it("refuses text that is no mapping", () => {
    const values = { ...stackValues("local"), postgres: "three members" };
    assert.throws(
      () => readConfig({ stack: "local", values }),
      /ballast:postgres is "three members"; it must be a mapping/,
    );
  });

  it("tells all problems at once", () => {
    const text = problemsAfter((values) => {
      set("postgres.instances", 1)(values);
      set("cluster.kind", "x")(values);
    });
    assert.match(text, /2 values are not usable/);
  });

  const unfit: readonly (readonly [what: string, path: string, value: unknown, expected: RegExp])[] = [
    [
      "failover times that Patroni cannot keep",
      "postgres.failover",
      { ttl: "20s", loopWait: "2s", retryTimeout: "10s" },
      /loopWait \(2s\) \+ 2 × retryTimeout \(10s\) is 22s, more than ttl \(20s\); raise ttl to 22s or lower retryTimeout to 9s/,
    ],
    [
      "memory above the environment's ceiling",
      "postgres.resources.memory.limit",
      "3Gi",
      /memory\.limit is 3Gi, above the ceiling 2Gi of environment "local"; .* policies\/limits\.json/,
    ],
    [
      "a request above its limit",
      "postgres.resources.cpu.request",
      3,
      /cpu\.request is 3, more than the limit 2; lower it/,
    ],
    [
      "buffers that do not fit the memory",
      "postgres.settings",
      { sharedBuffers: "768MB" },
      /sharedBuffers is 768MB, more than half of the container's memory limit 1Gi/,
    ],
    [
      "more connections than the server has",
      "databases.list",
      [{ name: "taskdb", connectionLimit: 100 }],
      /databases\.list asks for 200 connections .* more than the 180 that postgres\.settings\.maxConnections \(200\) leaves/,
    ],
    [
      "a name twice",
      "databases.list",
      [{ name: "a" }, { name: "a" }],
      /list\[1\]\.name is "a", which an earlier entry has/,
    ],
    [
      "pools that hold more connections than their role may",
      "taskdb.poolSize",
      11,
      /taskdb\.poolSize is 11, so 5 pods .* hold 66 connections, more than the 60 of databases\.list\[0\]\.connectionLimit; raise that to 66, or lower this to 10/,
    ],
    [
      "an autoscaler whose upper bound is below the lower",
      "taskdb.autoscaling",
      { minReplicas: 4, maxReplicas: 3, cpuPercent: 70 },
      /taskdb\.autoscaling\.maxReplicas is 3, not more than minReplicas 4; raise it to 5 or more, or lower minReplicas to 2/,
    ],
    [
      "an autoscaler with nothing to scale between",
      "taskdb.autoscaling",
      { minReplicas: 1, maxReplicas: 1, cpuPercent: 70 },
      /taskdb\.autoscaling\.maxReplicas is 1, not more than minReplicas 1; raise it to 2 or more$/,
    ],
    [
      "a service that at its largest exceeds the quota of its namespace",
      "namespaces.apps.memory",
      "1Gi",
      /namespaces\.apps\.memory is 1Gi, less than the 3Gi that 5 pods .* and one more while they are replaced need; raise it/,
    ],
    [
      "more pods of a service than the namespace may have",
      "namespaces.apps.pods",
      4,
      /namespaces\.apps\.pods is 4, less than the 6 of taskdb\.autoscaling\.maxReplicas .*; raise it to 6, or lower maxReplicas to 3/,
    ],
    [
      "a service without its database",
      "databases.list",
      [{ name: "other" }],
      /databases\.list has no database "taskdb", which the service of that name needs; add it/,
    ],
    [
      "a service above the environment's ceiling",
      "taskdb.resources.memory.limit",
      "3Gi",
      /taskdb\.resources\.memory\.limit is 3Gi, above the ceiling 2Gi/,
    ],
    [
      "a quota that is too small",
      "namespaces.data.memory",
      "2Gi",
      /data\.memory is 2Gi, less than the .* that 3 Postgres members need/,
    ],
  ];
  for (const [what, path, value, expected] of unfit) {
    it(`refuses ${what}`, () => assert.match(problemsAfter(set(path, value)), expected));
  }

  const existing = { kind: "existing", domain: "example.com", context: "team", storageClass: "standard" };
  const onExisting: readonly (readonly [what: string, cluster: object, expected: RegExp])[] = [
    [
      "an existing cluster without a context",
      { context: undefined },
      /cluster\.context is missing; it must be the name/,
    ],
    ["a name that Kubernetes refuses", { storageClass: "Fast SSD" }, /cluster\.storageClass is "Fast SSD"/],
    [
      "databases out of reach",
      { exposure: "LoadBalancer" },
      /databases\.managed is true, but this machine cannot reach Postgres .* "existing" without cluster\.exposure "NodePort"/,
    ],
  ];
  for (const [what, cluster, expected] of onExisting) {
    it(`refuses ${what}`, () => assert.match(problemsAfter(set("cluster", { ...existing, ...cluster })), expected));
  }

  const inCloud: readonly (readonly [what: string, stack: string, path: string, value: unknown, expected: RegExp])[] = [
    [
      "an unknown region of AWS",
      "prod",
      "cluster.region",
      "us-middle-1",
      /cluster\.region is "us-middle-1"; it must be one of .*"us-east-1"/,
    ],
    [
      "an unknown region of DigitalOcean",
      "dev",
      "cluster.region",
      "us-east-1",
      /cluster\.region is "us-east-1"; it must be one of .*"fra1"/,
    ],
    [
      "a zone of another region",
      "prod",
      "cluster.zones",
      ["us-east-1a", "eu-west-1b", "us-east-1c"],
      /zones\[1\] is "eu-west-1b", which is no zone of us-east-1; it must be for example "us-east-1a"/,
    ],
    [
      "two zones",
      "prod",
      "cluster.zones",
      ["us-east-1a", "us-east-1b"],
      /cluster\.zones is .*it must be a list of three zones/,
    ],
    [
      "overlapping ranges",
      "prod",
      "cluster.serviceCidr",
      "10.40.128.0/20",
      /cluster\.serviceCidr is "10\.40\.128\.0\/20", which overlaps cluster\.vpcCidr "10\.40\.0\.0\/16"; choose/,
    ],
    [
      "pods in the nodes' range",
      "dev",
      "cluster.podCidr",
      "10.20.0.0/18",
      /cluster\.podCidr is "10\.20\.0\.0\/18", which overlaps cluster\.vpcCidr/,
    ],
    [
      "a network that is too small",
      "prod",
      "cluster.vpcCidr",
      "10.40.0.0/20",
      /vpcCidr is "10\.40\.0\.0\/20"; it must be .*\/16/,
    ],
    [
      "a range from its middle",
      "prod",
      "cluster.vpcCidr",
      "10.40.1.0/16",
      /vpcCidr is "10\.40\.1\.0\/16"; it must be an address range/,
    ],
    [
      "a pool that ends below its start",
      "prod",
      "cluster.nodes.general",
      { instance: "m6i.large", min: 5, max: 3 },
      /nodes\.general\.max is 3, less than min 5; raise max or lower min/,
    ],
    [
      "more members than nodes for them",
      "dev",
      "postgres.instances",
      5,
      /postgres\.instances is 5, one a node, but cluster\.nodes\.data\.max allows 3 nodes; raise that to 5 or lower this/,
    ],
  ];
  for (const [what, stack, path, value, expected] of inCloud) {
    it(`refuses ${what}`, () => assert.match(problemsAfter(set(path, value), stack), expected));
  }
});

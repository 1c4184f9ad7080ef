import assert from "node:assert/strict";

import type { Json, JsonMap } from "../object";
import { JsonPath } from "./jsonpath";
import { waitForJudge } from "./waitfor";

const object: JsonMap = {
  metadata: { name: "x", annotations: { "a.b/c": "1" } },
  spec: {
    ports: [
      { name: "http", port: 80 },
      { name: "admin", port: 81 },
    ],
  },
  status: {
    phase: "Running",
    replicas: 3,
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Synced", status: "False" },
    ],
  },
};

describe("pulumi.com/waitFor", () => {
  const paths: [string, Json[]][] = [
    ["{.status.phase}", ["Running"]],
    [".status.phase", ["Running"]],
    ["status.phase", ["Running"]],
    ["{$.status.replicas}", [3]],
    ["{.spec.ports[1].port}", [81]],
    ["{.spec.ports[-1].port}", [81]],
    ["{.spec.ports[*].name}", ["http", "admin"]],
    ['{.status.conditions[?(@.type=="Ready")].status}', ["True"]],
    ["{.spec.ports[?(@.port==80)].name}", ["http"]],
    ["{.metadata.annotations['a.b/c']}", ["1"]],
    ["{.metadata.annotations.a\\.b/c}", ["1"]],
    ["{.status.absent.deeper}", []],
  ];
  for (const [path, expected] of paths)
    it(`JSONPath ${path}`, () => assert.deepEqual(new JsonPath(path).find(object), expected));

  const clauses: [string, boolean][] = [
    ["jsonpath={.status.phase}=Running", true],
    ["jsonpath={.status.phase}=Pending", false],
    ["jsonpath={.status.phase}", true],
    ["jsonpath=.status.replicas=3", true],
    ["jsonpath={.status.absent}", false],
    ["condition=Ready", true],
    ["condition=Synced", false],
    ["condition=Synced=False", true],
    ["condition=Absent", false],
    ['["condition=Ready", "jsonpath={.status.phase}=Running"]', true],
    ['["condition=Ready", "condition=Synced"]', false],
  ];
  for (const [clause, expected] of clauses) {
    it(`${clause} is ${expected ? "met" : "open"}`, () => {
      const verdict = waitForJudge(clause)({ object, pods: [], events: [], related: [] });
      assert.equal(verdict.ready, expected);
    });
  }

  for (const wrong of ["", "ready", "jsonpath=", "condition=", "[]", "[1]", "[not json", "jsonpath={.a[?]}"]) {
    it(`refuses "${wrong}"`, () =>
      assert.throws(() => waitForJudge(wrong), /^ProviderError: annotation pulumi\.com\/waitFor: /));
  }
});

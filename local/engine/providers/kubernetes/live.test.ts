import assert from "node:assert/strict";
import fc from "fast-check";

import { Secret, UNKNOWN, type PropertyMap } from "../../values";
import { withoutIgnored } from "./ignore";
import { inputsBroughtToLive, inputsOfLive, outputsOf, previewOutputs } from "./live";
import type { JsonMap } from "./object";
import { parseQuantity, sameQuantity } from "./quantity";

describe("live objects and inputs", () => {
  const pod = (container: JsonMap): JsonMap => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [container] },
  });

  it("finds no drift in what the server adds, nor in other spellings", () => {
    const inputs = pod({
      name: "a",
      image: "x",
      args: ["1"],
      resources: { limits: { cpu: "1000m", memory: "1024Mi" } },
      env: [],
      ports: [{ containerPort: 80 }],
    });
    const live = pod({
      name: "a",
      image: "x",
      args: ["1"],
      imagePullPolicy: "Always",
      resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1" } },
      ports: [{ containerPort: 80, protocol: "TCP" }],
    });
    (live["spec"] as JsonMap)["containers"] = [
      { name: "injected", image: "sidecar" },
      ...((live["spec"] as JsonMap)["containers"] as JsonMap[]),
    ];
    assert.deepEqual(inputsBroughtToLive(inputs, live), inputs);
  });

  it("shows changed, added and removed parts of our own fields", () => {
    const inputs = pod({ name: "a", image: "x", args: ["1", "2"], workingDir: "/" });
    const live = pod({ name: "a", image: "y", args: ["1"] });
    assert.deepEqual(inputsBroughtToLive(inputs, live), live);
  });

  it("takes ConfigMap content to the letter", () => {
    const map = (cpu: string): JsonMap => ({ apiVersion: "v1", kind: "ConfigMap", data: { cpu } });
    assert.deepEqual(inputsBroughtToLive(map("1000m"), map("1")), map("1"));
  });

  it("makes inputs of an object that it never saw without what the server set", () => {
    const live: JsonMap = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", uid: "u", resourceVersion: "1", managedFields: [] },
      spec: { a: 1 },
      status: { b: 1 },
    };
    assert.deepEqual(inputsOfLive(live), { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { a: 1 } });
  });

  it("wraps a Secret's content and drops the bookkeeping from outputs", () => {
    const outputs = outputsOf(
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s", managedFields: [] }, data: { a: "eA==" } },
      "m",
      "v1",
    );
    assert.deepEqual(outputs, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      data: { a: new Secret("eA==") },
      __fieldManager: "m",
      __initialApiVersion: "v1",
    });
  });

  it("keeps what the program chose known in a preview", () => {
    const inputs: PropertyMap = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s" },
      spec: { type: "NodePort", clusterIP: "10.0.0.9", ports: [{ port: 80, nodePort: 30000 }, { port: 81 }] },
    };
    assert.deepEqual(previewOutputs(inputs, inputs)["spec"], {
      type: "NodePort",
      clusterIP: "10.0.0.9",
      clusterIPs: ["10.0.0.9"],
      ports: [
        { port: 80, nodePort: 30000 },
        { port: 81, nodePort: UNKNOWN },
      ],
    });
  });

  it("leaves an ignored field out of an apply only where someone else changed it", () => {
    const body = { spec: { replicas: 1, paused: false }, metadata: { labels: { a: "1", b: "1" } } };
    const live = { spec: { replicas: 5, paused: false }, metadata: { labels: { a: "2", b: "1" } } };
    assert.deepEqual(withoutIgnored(body, live, ["spec.replicas", "spec.paused", "metadata.labels.*"]), {
      spec: { paused: false },
      metadata: { labels: { b: "1" } },
    });
  });

  it("reads quantities", () => {
    for (const [spelling, value] of [
      ["500m", 0.5],
      ["1Gi", 2 ** 30],
      ["1e3", 1000],
      ["2k", 2000],
      [3, 3],
      [".5", 0.5],
    ] as const)
      assert.equal(parseQuantity(spelling), value);
    for (const spelling of ["", "abc", "1Mb", "1.2.3", "Gi"]) assert.equal(parseQuantity(spelling), undefined);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        (n) => sameQuantity(`${n * 1000}m`, String(n)) && sameQuantity(`${n * 1024}Mi`, `${n}Gi`),
      ),
    );
  });
});

import assert from "node:assert/strict";

import { changedPaths } from "../../paths";
import type { PropertyMap } from "../../values";
import { ApiError } from "./connection/errors";
import { pathsRefused, replacePaths } from "./immutable";
import { AUTONAMED } from "./naming";

function replaced(
  apiVersion: string,
  kind: string,
  oldPart: PropertyMap,
  newPart: PropertyMap,
  oldOutputs: PropertyMap = {},
  mutable = false,
): string[] {
  const [oldInputs, newInputs] = [
    { apiVersion, kind, ...oldPart },
    { apiVersion, kind, ...newPart },
  ];
  const changes = Object.fromEntries(changedPaths(oldInputs, newInputs));
  return replacePaths({
    apiVersion: String(newInputs.apiVersion),
    kind,
    oldInputs,
    oldOutputs,
    newInputs,
    changes,
    configMapMutable: mutable,
    secretMutable: mutable,
  });
}

describe("fields that force a replacement", () => {
  const spec = (part: PropertyMap): PropertyMap => ({ metadata: { name: "x", namespace: "default" }, spec: part });
  const cases: [string, string, string, PropertyMap, PropertyMap, string[]][] = [
    [
      "a Deployment's selector",
      "apps/v1",
      "Deployment",
      spec({ selector: { matchLabels: { a: "1" } } }),
      spec({ selector: { matchLabels: { a: "2" } } }),
      ["spec.selector.matchLabels.a"],
    ],
    ["a Deployment's replicas do not", "apps/v1", "Deployment", spec({ replicas: 1 }), spec({ replicas: 2 }), []],
    [
      "a StatefulSet's claims",
      "apps/v1",
      "StatefulSet",
      spec({ volumeClaimTemplates: [{ a: 1 }] }),
      spec({ volumeClaimTemplates: [{ a: 2 }] }),
      ["spec.volumeClaimTemplates[0].a"],
    ],
    [
      "a StatefulSet's template does not",
      "apps/v1",
      "StatefulSet",
      spec({ template: { a: 1 } }),
      spec({ template: { a: 2 } }),
      [],
    ],
    [
      "a Job's template",
      "batch/v1",
      "Job",
      spec({ template: { a: 1 } }),
      spec({ template: { a: 2 } }),
      ["spec.template.a"],
    ],
    [
      "a claim's class",
      "v1",
      "PersistentVolumeClaim",
      spec({ storageClassName: "a" }),
      spec({ storageClassName: "b" }),
      ["spec.storageClassName"],
    ],
    [
      "a claim's size does not",
      "v1",
      "PersistentVolumeClaim",
      spec({ resources: { requests: { storage: "1Gi" } } }),
      spec({ resources: { requests: { storage: "2Gi" } } }),
      [],
    ],
    [
      "a StorageClass's parameters",
      "storage.k8s.io/v1",
      "StorageClass",
      { parameters: { a: "1" } },
      { parameters: { a: "2" } },
      ["parameters.a"],
    ],
    [
      "a binding's role",
      "rbac.authorization.k8s.io/v1",
      "RoleBinding",
      { roleRef: { name: "a" } },
      { roleRef: { name: "b" } },
      ["roleRef.name"],
    ],
    ["a name", "v1", "ServiceAccount", { metadata: { name: "a" } }, { metadata: { name: "b" } }, ["metadata.name"]],
    [
      "a namespace",
      "v1",
      "ServiceAccount",
      { metadata: { name: "a" } },
      { metadata: { name: "a", namespace: "other" } },
      ["metadata.namespace"],
    ],
    [
      "the default namespace, written or not, does not",
      "v1",
      "ServiceAccount",
      { metadata: { name: "a" } },
      { metadata: { name: "a", namespace: "default" } },
      [],
    ],
    [
      "a pod's command",
      "v1",
      "Pod",
      spec({ containers: [{ command: ["a"] }] }),
      spec({ containers: [{ command: ["b"] }] }),
      ["spec.containers[0].command[0]"],
    ],
    [
      "a pod's image does not",
      "v1",
      "Pod",
      spec({ containers: [{ image: "a" }] }),
      spec({ containers: [{ image: "b" }] }),
      [],
    ],
    [
      "a Service that becomes a name elsewhere",
      "v1",
      "Service",
      spec({ type: "ClusterIP" }),
      spec({ type: "ExternalName" }),
      ["spec.type"],
    ],
    [
      "a Service that becomes a NodePort does not",
      "v1",
      "Service",
      spec({ type: "ClusterIP" }),
      spec({ type: "NodePort" }),
      [],
    ],
    [
      "an immutable ConfigMap's data",
      "v1",
      "ConfigMap",
      { immutable: true, data: { a: "1" } },
      { immutable: true, data: { a: "2" } },
      ["data.a"],
    ],
    [
      "another ConfigMap's data do not",
      "v1",
      "ConfigMap",
      { metadata: { name: "a" }, data: { a: "1" } },
      { metadata: { name: "a" }, data: { a: "2" } },
      [],
    ],
    [
      "another served version of the kind does not",
      "autoscaling/v1",
      "HorizontalPodAutoscaler",
      {},
      { apiVersion: "autoscaling/v2" },
      [],
    ],
    ["another group's kind", "a.example.com/v1", "Thing", {}, { apiVersion: "b.example.com/v1" }, ["apiVersion"]],
    [
      "a kind that moved to another group does not",
      "extensions/v1beta1",
      "Ingress",
      {},
      { apiVersion: "networking.k8s.io/v1" },
      [],
    ],
  ];
  for (const [name, apiVersion, kind, old, fresh, expected] of cases) {
    it(name, () => assert.deepEqual(replaced(apiVersion, kind, old, fresh), expected));
  }

  it("a Service's address only if it is another than the one it has", () => {
    const given = spec({ clusterIP: "10.0.0.1" });
    assert.deepEqual(replaced("v1", "Service", spec({}), given, { spec: { clusterIP: "10.0.0.1" } }), []);
    assert.deepEqual(replaced("v1", "Service", spec({}), given, { spec: { clusterIP: "10.0.0.2" } }), [
      "spec.clusterIP",
    ]);
  });

  it("content with an automatic name, as Pulumi does, unless the provider is told otherwise", () => {
    const metadata = { name: "a", annotations: { [AUTONAMED]: "true" } };
    const [old, fresh] = [
      { metadata, data: { a: "1" } },
      { metadata, data: { a: "2" } },
    ];
    assert.deepEqual(replaced("v1", "ConfigMap", old, fresh), ["data.a"]);
    assert.deepEqual(replaced("v1", "ConfigMap", old, fresh, {}, true), []);
  });

  it("reads the server's refusal", () => {
    const refusal = (code: number, field: string, message: string): ApiError =>
      new ApiError(code, { details: { causes: [{ field, message }] } }, "PATCH /");
    const changes = { "spec.zone": "update", "spec.size": "update", "metadata.labels.a": "add" } as const;
    assert.deepEqual(pathsRefused(refusal(422, "spec.zone", "Value is immutable"), changes), ["spec.zone"]);
    assert.deepEqual(pathsRefused(refusal(422, "spec", "Forbidden: updates to the spec are forbidden"), changes), [
      "spec.zone",
      "spec.size",
    ]);
    assert.deepEqual(pathsRefused(refusal(422, "spec.zone", "Required value"), changes), []);
    assert.deepEqual(pathsRefused(refusal(403, "spec.zone", "field is immutable"), changes), []);
  });
});

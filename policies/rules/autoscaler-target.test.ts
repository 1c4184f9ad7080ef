import assert from "node:assert/strict";
import type { Resource } from "../object";
import { container, deployment, podSpec, resource, run } from "../testing";
import { autoscalerTarget as rule } from "./autoscaler-target";

const onUse = (name: string, type = "Utilization") => ({ type: "Resource", resource: { name, target: { type } } });
const scaler = (name: string, metrics: unknown[], kind = "Deployment"): Resource =>
  resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {
    metadata: { name: "web", namespace: "shop" },
    spec: { scaleTargetRef: { kind, name }, maxReplicas: 3, metrics },
  });
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy autoscaler-target", () => {
  it("passes a target whose containers request what is measured", async () => {
    assert.deepEqual(await told(deployment(podSpec()), scaler("web", [onUse("cpu"), onUse("memory")])), []);
  });

  it("names the container that requests none, sidecars too, init containers not", async () => {
    const resources = { requests: { memory: "1Gi" } };
    const spec = podSpec({
      initContainers: [
        container({ name: "migrate", resources: {} }),
        container({ name: "proxy", resources, restartPolicy: "Always" }),
      ],
    });
    assert.deepEqual(await told(deployment(spec), scaler("web", [onUse("cpu")])), [
      "HorizontalPodAutoscaler shop/web: it compares cpu with what is requested, and container 'proxy' of Deployment shop/web requests none; set resources.requests.cpu",
    ]);
  });

  it("asks for no request where a plain amount is the target", async () => {
    const spec = podSpec({ containers: [container({ resources: {} })] });
    assert.deepEqual(await told(deployment(spec), scaler("web", [onUse("cpu", "AverageValue")])), []);
  });

  it("reports a target that there is not, and leaves custom resources", async () => {
    assert.deepEqual(await told(deployment(podSpec()), scaler("api", [onUse("cpu")])), [
      "HorizontalPodAutoscaler shop/web: it scales Deployment shop/api, which the stack does not have; correct spec.scaleTargetRef",
    ]);
    assert.deepEqual(await told(scaler("web", [onUse("cpu")], "Rollout")), []);
  });
});

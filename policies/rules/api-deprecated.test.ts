import assert from "node:assert/strict";
import { isSince, oldApiOf } from "../api";
import apis from "../apis.json";
import { resource, run } from "../testing";
import { apiDeprecated as rule } from "./api-deprecated";

const of = (type: string) => resource(`kubernetes:${type}`, { metadata: { name: "web", namespace: "shop" } });

describe("policy api-deprecated", () => {
  it("says what is on its way out, and what to use", async () => {
    assert.deepEqual((await run(rule, [of("core/v1:Endpoints")])).violations, [
      "Endpoints shop/web: v1 Endpoints has been deprecated since Kubernetes 1.33; use discovery.k8s.io/v1 EndpointSlice",
    ]);
  });

  it("leaves what is gone already to the other rule, and what is current alone", async () => {
    assert.deepEqual((await run(rule, [of("batch/v1beta1:CronJob"), of("core/v1:Service")])).violations, []);
  });
});

describe("apis.json", () => {
  it("has each version once, removed after it was deprecated", () => {
    const seen = new Set<string>();
    for (const { api, kinds, deprecated, ...rest } of apis as {
      api: string;
      kinds: string[];
      deprecated: string;
      removed?: string;
    }[]) {
      for (const kind of kinds) {
        const name = `${api} ${kind}`;
        assert.ok(!seen.has(name), name);
        seen.add(name);
      }
      if (rest.removed !== undefined) assert.ok(isSince(rest.removed, deprecated) && rest.removed !== deprecated, api);
    }
  });

  it("compares versions by number", () => {
    assert.ok(isSince("1.34", "1.9") && isSince("1.9", "1.9") && isSince("2.0", "1.34"));
    assert.ok(!isSince("1.9", "1.10"));
    assert.equal(oldApiOf({ apiVersion: "apps/v1beta1", kind: "StatefulSet" })?.instead, "apps/v1");
    assert.equal(oldApiOf({ apiVersion: undefined, kind: "Instance" }), undefined);
  });
});

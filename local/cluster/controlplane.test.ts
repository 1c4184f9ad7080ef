import assert from "node:assert/strict";
import { haproxyConfig } from "./controlplane";
import { makePlan } from "./plan";

describe("the NodePort proxy", () => {
  const plan = makePlan("ballast-dev", 2, "generation", 3);
  const config = haproxyConfig(plan);

  it("listens on 127.0.0.1 only, on the cluster's own ports", () => {
    assert.deepEqual(config.match(/^ *bind .*/gm), ["  bind 127.0.0.1:20400-20599"]);
  });

  it("keeps the port that was asked for: servers have an address and no port", () => {
    assert.deepEqual(config.match(/^ *server .*/gm), [
      "  server worker-1 10.66.0.11",
      "  server worker-2 10.66.0.12",
      "  server worker-3 10.66.0.13",
    ]);
  });
});

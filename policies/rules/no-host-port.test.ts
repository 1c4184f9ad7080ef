import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { noHostPort as rule } from "./no-host-port";

describe("policy no-host-port", () => {
  const of = (ports: unknown): Record<string, unknown> => podSpec({ containers: [container({ ports })] });

  it("passes ports of the container, and 0, which means none", async () => {
    const ports = [{ containerPort: 80 }, { containerPort: 81, hostPort: 0 }];
    assert.deepEqual(await run(rule, [deployment(of(ports))]), { violations: [], notes: [] });
  });

  it("reports each with its number", async () => {
    const ports = [
      { containerPort: 80, hostPort: 80 },
      { containerPort: 53, hostPort: 5353, protocol: "UDP" },
    ];
    const { violations } = await run(rule, [deployment(of(ports))]);
    assert.deepEqual(
      violations.map((each) => /container 'app': hostPort (\d+)/.exec(each)?.[1]),
      ["80", "5353"],
    );
  });
});

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { probeSchema } from "../experiment/schema";
import type { Ground } from "../ground";
import { Probes } from "./probes";
import { quantile } from "./sampler";
import { judged } from "./tolerance";

describe("a tolerance", () => {
  it("is met or missed at its bound", () => {
    assert.equal(judged(5, { atMost: 5 }).verdict, "met");
    assert.equal(judged(5.1, { atMost: 5 }).verdict, "missed");
    assert.equal(judged(2, { atLeast: 2 }).verdict, "met");
    assert.equal(judged(1, { atLeast: 2 }).verdict, "missed");
    assert.equal(judged("no answer", { equals: 200 }).verdict, "missed");
    assert.equal(judged("many", { atLeast: 2 }).verdict, "missed");
  });

  it("is never met by nothing", () => {
    assert.equal(judged(undefined, { atMost: 5 }).verdict, "unknown");
    assert.equal(judged(Number.NaN, { atMost: 5 }).verdict, "unknown");
  });
});

describe("a quantile", () => {
  it("is the value that no more than the rest exceed", () => {
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2);
    assert.equal(quantile([1, 2, 3, 4], 0.95), 4);
    assert.equal(quantile([], 0.95), undefined);
  });
});

describe("a probe", () => {
  let server: Server;
  let status = 200;
  let probes: Probes;
  const ground = (): Ground => {
    const { port } = server.address() as AddressInfo;
    return {
      stack: "lab",
      environment: "local",
      targets: { taskdb: { url: `http://127.0.0.1:${port}` } },
    } as unknown as Ground;
  };
  const http = probeSchema.parse({
    kind: "http",
    name: "x",
    mode: "edge",
    service: "taskdb",
    path: "/",
    tolerance: { equals: 200 },
  });
  const objective = (id: string, service = "taskdb") =>
    probeSchema.parse({ kind: "objective", name: "x", mode: "edge", service, objective: id, path: "/", window: 1 });

  beforeEach(async () => {
    status = 200;
    probes = new Probes();
    server = createServer((_request, response) => void response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    await probes.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("sees a service that answers, answers wrongly, and is away", async () => {
    const here = ground();
    assert.equal((await probes.look(http, here)).verdict, "met");
    status = 503;
    assert.equal((await probes.look(http, here)).verdict, "missed");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual((await probes.look(http, here)).value, "no answer");
  });

  it("holds an objective against the table, by a client of its own", async () => {
    const [available, fast] = [objective("taskdb-availability"), objective("taskdb-response")];
    assert.equal((await probes.look(available, ground())).verdict, "met");
    assert.equal((await probes.look(fast, ground())).verdict, "met");
    status = 500;
    for (let look = await probes.look(available, ground()); look.verdict === "met";) {
      await delay(50);
      look = await probes.look(available, ground());
    }
    assert.equal((await probes.look(available, ground())).verdict, "missed");
  });

  it("is unknown, with the reason, where there is no such objective, service or address", async () => {
    for (const [look, reason] of [
      [objective("taskdb-speed"), /taskdb has no objective taskdb-speed/],
      [objective("taskdb-recovery"), /no objective taskdb-recovery that holds from one moment to the next/],
      [objective("nothing-response", "nothing"), /no service nothing/],
      [{ ...http, service: "edge" } as typeof http, /no address of edge in the stack lab is known; there are: taskdb/],
    ] as const) {
      const { verdict, detail } = await probes.look(look, ground());
      assert.equal(verdict, "unknown");
      assert.match(detail, reason);
    }
  });

  it("is unknown where the cluster cannot be asked", async () => {
    const whole = probeSchema.parse({ kind: "postgres-whole", name: "x", mode: "edge" });
    const { verdict, detail } = await probes.look(whole, ground());
    assert.deepEqual([verdict, detail], ["unknown", "the stack lab has no Postgres that can be reached from here"]);
  });
});

import assert from "node:assert/strict";
import { skip } from "../../../../cli/testing/skip";
import { Server } from "./server";
import { resolveSettings } from "./settings";
import { Instance, missing } from "./testing/instance";

describe("a connection to PostgreSQL", function () {
  this.timeout(60_000);
  let instance: Instance;

  before(async function () {
    const reason = missing();
    if (reason) skip(this, reason);
    instance = await Instance.start();
  });
  after(() => instance?.remove());

  it("that the server ends between two statements is replaced, and the work is done once more", async () => {
    const settings = resolveSettings(
      { host: "127.0.0.1", port: instance.port, username: "postgres", password: instance.password, sslmode: "require" },
      {},
    );
    assert.ok(settings);
    const waits: string[] = [];
    const server = new Server(settings, new AbortController().signal, (reason) => waits.push(reason));
    let tries = 0;
    const answer = await server.read("postgres", async (session) => {
      tries += 1;
      if (tries === 1) {
        const [row] = await session.query("SELECT pg_backend_pid() AS pid");
        await instance.query("SELECT pg_terminate_backend($1, 5000)", [row?.["pid"]]);
        // A query on another connection, so that what the server has sent to this one has been read.
        await instance.query("SELECT 1");
      }
      return session.query("SELECT 42 AS answer");
    });
    assert.deepEqual(answer, [{ answer: 42 }]);
    assert.equal(tries, 2);
    assert.equal(waits.length, 1);
    await server.close();
  });
});

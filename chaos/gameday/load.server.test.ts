import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findK6 } from "../../loadtests/k6/binary";
import { profileTable } from "../../loadtests/table";
import { silent } from "../../local/progress";
import { dayLoad, endsLevel, heldProfile, startLoad } from "./load";
import { DayFolder } from "./folder";

describe("the load of a GameDay", function () {
  // k6 is built where it is not there.
  this.timeout(600_000);
  let k6: string;
  let server: Server;
  let folder: DayFolder;
  let status = 200;

  before(async () => {
    k6 = (await findK6(silent)).path;
    server = createServer((_request, response) => response.writeHead(status).end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => server.close());
  beforeEach(async () => {
    status = 200;
    folder = await DayFolder.make(await mkdtemp(join(tmpdir(), "ballast-gameday-")));
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));

  const plan = () =>
    dayLoad(
      {
        run: "test",
        environment: "local",
        profile: "smoke",
        scenarios: [{ name: "edge-test", purpose: "a test", service: "edge", script: "testing/get", rate: 100 }],
        targets: { edge: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ready: "/" } },
      },
      600,
    );

  it("goes on until it is ended, is seen meanwhile, and then no failure", async () => {
    const stop = new AbortController();
    const load = startLoad({ plan: plan(), k6, folder: folder.load }, stop.signal);
    await load.onLevel;
    const scenarios = ["edge-test"];
    while (load.recent(2, scenarios) === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok((load.recent(2, scenarios)?.requests ?? 0) > 0);
    stop.abort();
    const { code, results, errors } = await load.ended;
    assert.equal(code, 0, errors.join("\n"));
    assert.ok(results.length > 0 && results.every(({ state }) => state === "ok"));
    assert.ok(folder.load.startsWith(folder.path));
  });

  it("ends by itself where the target is not ready, and says why", async () => {
    status = 503;
    const load = startLoad({ plan: plan(), k6, folder: folder.load }, new AbortController().signal);
    const { code, errors } = await load.ended;
    assert.equal(code, 108);
    assert.match(errors.join("\n"), /it answers 503/);
  });

  it("is held on the last level of its profile, which need be one", () => {
    const { baseline, breakpoint } = profileTable();
    assert.ok(endsLevel(baseline) && !endsLevel(breakpoint));
    assert.deepEqual(
      heldProfile(baseline, 900).stages.map(({ seconds, to }) => [seconds, to]),
      [
        [20, 1],
        [900, 1],
      ],
    );
    assert.equal(heldProfile(breakpoint, 900).abortOnMiss, false);
  });
});

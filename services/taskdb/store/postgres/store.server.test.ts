import { skip } from "../../../../cli/testing/skip";
import { conformance } from "../conformance";
import { createStore } from "../open";
import { missing, Server } from "../testing/server";

describe("store on PostgreSQL, as the application's role", function () {
  this.timeout(120_000);
  let server: Server;
  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Server.start();
  });
  after(() => server?.remove());

  conformance(async () => createStore(await server.migrated()));
});

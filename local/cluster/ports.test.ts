import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { holder, loopbackListeners, parseListeners } from "./ports";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000
   1: 0100007F:4E21 0100007F:4E20 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000
   2: 020000C0:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000
`;

describe("listening ports", () => {
  it("are read from the kernel's table, without connections", () => {
    assert.deepEqual(parseListeners(table), [
      { address: "0100007F", port: 20000, inode: "11" },
      { address: "020000C0", port: 2024, inode: "13" },
    ]);
  });

  it("of 127.0.0.1 and of any address are found, with the process that holds them", async function () {
    if (process.platform !== "linux") this.skip();
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const server = createServer().listen(0, host);
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const found = (await loopbackListeners()).find((listener) => listener.port === port);
      assert.ok(found, host);
      assert.match((await holder(found.inode)) ?? "", new RegExp(`\\(pid ${process.pid}\\)$`));
      server.close();
      await once(server, "close");
    }
  });
});

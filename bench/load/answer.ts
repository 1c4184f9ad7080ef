import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { count, quantile, type Histogram } from "../../loadtests/series/histogram";

/**
 * A server that does next to nothing, in a process of its own. Prints its port; when it is ended, what its answers took, from the request's
 * head to the last byte handed to the kernel.
 */
const durations: Histogram = new Map();
let requests = 0;
const server = createServer((_request, response) => {
  const begun = performance.now();
  requests++;
  response.once("finish", () => count(durations, performance.now() - begun));
  response.end("{}");
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.once("SIGTERM", () => {
  process.stdout.write(`${JSON.stringify({ requests, p95: quantile(durations, 0.95) })}\n`);
  server.close();
  server.closeAllConnections();
});

import { releaseSharedCluster } from "../../local/cluster/testing";

/** How long open handles may take to close once the tests are over, in ms. */
const closingMs = 10_000;

/**
 * Mocha runs this once, after the last test: the cluster that this run brought up goes with it. A process or socket
 * that a test forgot would keep the run from ending; it is told, and the run ends all the same.
 */
export async function mochaGlobalTeardown(): Promise<void> {
  await releaseSharedCluster();
  setTimeout(() => {
    process.stderr.write(`\nA test left something open: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit();
  }, closingMs).unref();
}

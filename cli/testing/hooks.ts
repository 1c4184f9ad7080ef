import { releaseSharedCluster } from "../../local/cluster/testing";

/** Mocha runs this once, after the last test: the cluster that this run brought up goes with it. */
export const mochaGlobalTeardown = (): Promise<void> => releaseSharedCluster();

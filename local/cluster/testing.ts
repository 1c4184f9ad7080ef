import { dirname, join } from "node:path";
import type { Progress } from "../progress";
import { status, type ClusterStatus } from "./status";
import { clusterName, down, ensureToolchain, hostUnfit, up } from "./index";

/** The checkout whose name the test cluster carries. */
const root = dirname(dirname(__dirname));

export interface SharedCluster {
  readonly name: string;
  readonly kubeconfig: string;
  /** The built kubectl, of the same version as the cluster. */
  readonly kubectl: string;
}

/** Progress as plain lines on stderr, so that a long build in a test run is seen to go on. */
export const lines: Progress = {
  async task(title, work) {
    process.stderr.write(`      ${title} …\n`);
    return work({ detail: () => undefined, fraction: () => undefined });
  },
  note: (text) => void process.stderr.write(`      ${text}\n`),
};

let shared: Promise<SharedCluster> | undefined;
let broughtUpHere = false;

/** One per checkout; `BALLAST_TEST_CLUSTER` names another, so that two test runs need not share one. */
export function testClusterName(): string {
  return process.env["BALLAST_TEST_CLUSTER"] || `${clusterName(root)}-test`;
}

/**
 * The cluster that all tests of a mocha process share: brought up by the first who asks, used as it is when it is up.
 * @throws with the sentence of `hostUnfit` where no cluster can be; skip the test for that reason
 */
export function sharedCluster(): Promise<SharedCluster> {
  shared ??= bringUp();
  return shared;
}

async function bringUp(): Promise<SharedCluster> {
  const unfit = hostUnfit();
  if (unfit) throw new Error(unfit);
  const name = testClusterName();
  const before: ClusterStatus["state"] = (await status(name)).state;
  broughtUpHere = before === "absent" || before === "down";
  const { kubeconfig } = await up({ name }, lines);
  const { directory } = await ensureToolchain(lines);
  return { name, kubeconfig, kubectl: join(directory, "kubectl") };
}

/** For a global teardown: takes the shared cluster down if this process brought it up. */
export async function releaseSharedCluster(): Promise<void> {
  if (shared === undefined || !broughtUpHere) return;
  shared = undefined;
  await down({ name: testClusterName() }, lines);
}

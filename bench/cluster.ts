import { join } from "node:path";
import { ensureToolchain } from "../local/cluster";
import { lines, sharedCluster } from "../local/cluster/testing";
import { type Ran, ran } from "./child";

/** A cluster to measure on. */
export interface BenchCluster {
  readonly env: NodeJS.ProcessEnv;
  kubectl(...args: string[]): Promise<Ran>;
}

/** The API server of `BALLAST_TEST_KUBECONFIG` where it is set, else the cluster that the tests share; it is brought up if need be. */
export async function benchCluster(): Promise<BenchCluster> {
  const given = process.env["BALLAST_TEST_KUBECONFIG"];
  const { directory } = await ensureToolchain(lines);
  const kubeconfig = given || (await sharedCluster()).kubeconfig;
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  return { env, kubectl: (...args) => ran(join(directory, "kubectl"), args, env) };
}

import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as cluster from "../local/cluster";
import { lines } from "../local/cluster/testing";
import { type FailoverOptions, type PostgresRef } from "../chaos/postgres-failover";
import { nodeAddress } from "../loadtests/targets";
import { type Ran, ran } from "./child";
import { root } from "./program";

/** The `local` stack on a cluster and with a state of its own, so that a benchmark never touches the user's. */
export class LocalStack {
  readonly cluster = `${cluster.clusterName(root)}-bench`;
  readonly env: NodeJS.ProcessEnv;

  /** @param state folder of the stack's state */
  constructor(private readonly state: string) {
    this.env = { ...process.env, BALLAST_CLUSTER: this.cluster, PULUMI_BACKEND_URL: `file://${state}` };
  }

  up(): Promise<Ran> {
    return this.ballast("up", "local", "--engine", "embedded", "--yes");
  }

  /** Nothing runs afterwards, and the stack has no state; what was compiled, and the images, stay. */
  async down(): Promise<void> {
    await cluster.down({ name: this.cluster }, lines);
    await rm(this.state, { recursive: true, force: true });
  }

  /** Where its Postgres is, from the stack's outputs. */
  async postgres(): Promise<PostgresRef> {
    const { stdout } = await this.ballast("output", "local", "postgres", "--json");
    const declared = JSON.parse(stdout) as Pick<PostgresRef, "namespace" | "name" | "instances" | "superuserSecret">;
    return { ...declared, nodeAddress, kubeconfig: cluster.kubeconfigPath(this.cluster) };
  }

  /** All that the stack says of itself, secrets left out. */
  async outputs(): Promise<Record<string, unknown>> {
    const { stdout } = await this.ballast("output", "local", "--json");
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** Cuts its nodes off and back. */
  get nodes(): FailoverOptions["nodes"] {
    return {
      partition: (node) => cluster.node.partition(this.cluster, node, lines),
      heal: (node) => cluster.node.heal(this.cluster, node, lines),
    };
  }

  async kubectl(...args: string[]): Promise<Ran> {
    const { directory } = await cluster.ensureToolchain(lines);
    return ran(join(directory, "kubectl"), ["--kubeconfig", cluster.kubeconfigPath(this.cluster), ...args]);
  }

  ballast(...args: string[]): Promise<Ran> {
    return ran(process.execPath, [join(root, "cli/ballast.mjs"), ...args], this.env, root);
  }
}

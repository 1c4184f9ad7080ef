import { AppsV1Api, CoordinationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { embeddedNodes } from "../chaos/embedded/nodeControl";
import type { Experiment } from "../chaos/experiment/schema";
import type { Ground } from "../chaos/ground";
import type { PostgresRef } from "../chaos/postgres/members";
import { localTargets, namedTargets, nodeAddress } from "../loadtests/targets";
import * as engine from "../local/engine";
import { silent } from "../local/progress";
import { findPlace } from "./backend";
import { CommandError } from "./errors";
import { findGround } from "./ground";
import type { ClusterChoice } from "./options";
import { ownCluster, root } from "./place";

export interface ChaosPlace {
  readonly environment: string;
  /** The ground of one experiment, with its limits. */
  readonly groundOf: (limits: Experiment["limits"]) => Ground;
}

/** What experiments on a stack stand on: its cluster, found and not brought up, and its outputs. */
export async function chaosPlace(
  stack: string,
  choice: ClusterChoice & { readonly target?: readonly string[] },
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<ChaosPlace> {
  const place = await findPlace(stack);
  const found = await findGround(place, choice);
  if (!found.reachable && !found.embedded)
    throw new CommandError(`the cluster of ${stack} is not up; bring it up with: ballast up ${stack}`);
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromDefault();
  const outputs = await engine.outputs({ projectDir: root, stack, passphrase: place.passphrase });
  if (Object.keys(outputs).length === 0)
    throw new CommandError(`nothing of the stack ${stack} is up; try: ballast up ${stack}`);
  const declared = outputs["postgres"] as Omit<PostgresRef, "kubeconfig" | "nodeAddress"> | undefined;
  const environment = typeof outputs["environment"] === "string" ? outputs["environment"] : stack;
  const ground = {
    stack,
    environment,
    kubeconfig,
    core: kubeconfig.makeApiClient(CoreV1Api),
    apps: kubeconfig.makeApiClient(AppsV1Api),
    leases: kubeconfig.makeApiClient(CoordinationV1Api),
    targets: { ...(found.embedded ? localTargets(outputs) : {}), ...namedTargets(choice.target ?? []) },
    ...(found.embedded &&
      declared && { postgres: { ...declared, kubeconfig: process.env["KUBECONFIG"] ?? "", nodeAddress } }),
    ...(found.embedded && { nodes: embeddedNodes(ownCluster(), silent) }),
    say,
    signal,
  };
  return { environment, groundOf: (limits) => ({ ...ground, limits }) };
}

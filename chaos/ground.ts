import type { AppsV1Api, CoordinationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import type { PostgresRef } from "./postgres/members";

/** What an experiment stands on: a cluster, what of it may be hit, and what the stack says of itself. */
export interface Ground {
  readonly stack: string;
  /** The stack's environment; production has rules of its own. */
  readonly environment: string;
  readonly kubeconfig: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly leases: CoordinationV1Api;
  /** Where each service of the stack is reached from here. */
  readonly targets: Readonly<Record<string, { readonly url: string }>>;
  /** The stack's Postgres, where it can be reached from here. */
  readonly postgres?: PostgresRef;
  readonly limits: { readonly namespaces: readonly string[]; readonly share: number };
  /** Faults of whole nodes, where this machine or a cloud's driver can make them. */
  readonly nodes?: NodeControl;
  /** Told of what is done, a line each. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What can be done to the machines themselves; the embedded cluster has it, a cloud's driver would have it. */
export interface NodeControl {
  stop(node: string): Promise<void>;
  start(node: string): Promise<void>;
  /** Off the network of all, or of one other node only. */
  partition(node: string, from?: string): Promise<void>;
  heal(node: string, from?: string): Promise<void>;
  /** Of those between two nodes that are cut off each other, so far. */
  droppedPackets(node: string, from: string): Promise<number>;
  /** It goes on by itself after so many seconds, whatever becomes of us: what is to be undone cannot be read without it. */
  pauseApiServer(seconds: number): Promise<void>;
  resumeApiServer(): Promise<void>;
  /** Sends SIGKILL to a container's first process; says which process it was. */
  killContainer(containerId: string): Promise<string>;
  /** Runs a program of the host in a pod's network, found by the pod's uid or a container's id; gives what it wrote. */
  enterNetwork(id: string, argv: readonly string[]): Promise<string>;
  /** Ends what was left running under a mark, an argument of its command line. */
  endMarked(mark: string): Promise<void>;
}

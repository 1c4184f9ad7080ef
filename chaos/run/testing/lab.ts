import { ApiException, type CoordinationV1Api, type V1Lease } from "@kubernetes/client-node";
import { parseExperiment, type Experiment, type ExperimentInput } from "../../experiment/schema";
import type { FaultDriver, FaultDrivers, Victim } from "../../faults/fault";
import type { Ground } from "../../ground";
import type { Look } from "../journal";
import type { RunLedger, RunParts } from "../run";

/** A cluster's leases, kept in memory, with the API server's rules for versions. */
export class Leases {
  lease: V1Lease | undefined;
  /** The API server is away while it is set. */
  away = false;
  #version = 0;

  readonly api = {
    readNamespacedLease: async () => this.#there(),
    createNamespacedLease: async ({ body }: { body: V1Lease }) => {
      this.#answer();
      if (this.lease) throw refusal(409, "AlreadyExists");
      return this.#put(body);
    },
    replaceNamespacedLease: async ({ body }: { body: V1Lease }) => {
      await this.#there();
      const version = body.metadata?.resourceVersion;
      if (version !== undefined && version !== this.lease?.metadata?.resourceVersion) throw refusal(409, "Conflict");
      return this.#put(body);
    },
    deleteNamespacedLease: async () => {
      this.#answer();
      this.lease = undefined;
    },
  } as unknown as CoordinationV1Api;

  #answer(): void {
    if (this.away) throw new Error("connect ECONNREFUSED");
  }

  async #there(): Promise<V1Lease> {
    this.#answer();
    if (!this.lease) throw refusal(404, "NotFound");
    return structuredClone(this.lease);
  }

  #put(body: V1Lease): V1Lease {
    const metadata = { ...body.metadata, resourceVersion: String(++this.#version) };
    this.lease = structuredClone({ ...body, metadata });
    return this.lease;
  }
}

const refusal = (code: number, reason: string) => new ApiException(code, reason, "", {});

/** An experiment whose one fault is a fake, with as many steps as wanted. */
export function experimentOf(change: Partial<ExperimentInput> = {}, steps = 1): Experiment {
  return parseExperiment(
    {
      name: "lab",
      title: "An experiment of the lab",
      description: "Nothing is hit: the fault is played.",
      contributions: { reliability: "high" },
      "steady-state-hypothesis": { title: "all is well", probes: [probe("continuous")] },
      method: Array.from({ length: steps }, () => ({
        fault: { kind: "pod-kill", target: { namespace: "lab", labels: { app: "lab" } } },
        hold: 0.02,
      })),
      limits: { namespaces: ["lab"], share: 1, deadline: 30 },
      recovery: 0.3,
      ...change,
    } satisfies ExperimentInput,
    "lab",
  );
}

export const probe = (mode: "start" | "end" | "edge" | "continuous" | "during") =>
  ({
    kind: "http",
    name: `answers (${mode})`,
    mode,
    every: 0.01,
    service: "lab",
    path: "/",
    tolerance: { equals: 200 },
  }) as const;

/** What happens in the lab, in order; every part of it can be changed. */
export class Lab {
  readonly leases = new Leases();
  readonly happened: string[] = [];
  readonly operator = new AbortController();
  verdict: Look["verdict"] = "met";
  pods = ["a", "b", "c"];
  steps = {
    inject: async (): Promise<void> => undefined,
    proof: async (): Promise<string> => "it happened",
    undo: async (): Promise<string> => "it ended",
  };

  readonly ground = {
    stack: "lab",
    environment: "local",
    leases: this.leases.api,
    limits: { namespaces: ["lab"], share: 1 },
    targets: {},
    say: (line: string) => void this.happened.push(line),
    signal: this.operator.signal,
  } as unknown as Ground;

  readonly driver: FaultDriver = {
    kind: "pod-kill",
    possible: () => true,
    choose: async (_fault, _ground, random) => {
      const name = this.pods[Math.floor(random() * this.pods.length)] ?? "";
      return [{ kind: "pod", namespace: "lab", name, uid: `uid-${name}`, node: "node" } satisfies Victim];
    },
    undoRecord: async (_fault, victims) => ({ fault: "pod-kill", victims, details: {} }),
    inject: async () => {
      this.happened.push("inject");
      await this.steps.inject();
      return () => this.steps.proof();
    },
    undo: async () => {
      this.happened.push("undo");
      return this.steps.undo();
    },
  };

  parts(change: Partial<RunParts> = {}): RunParts {
    return {
      drivers: { "pod-kill": this.driver } as unknown as FaultDrivers,
      look: async () => ({ at: new Date().toISOString(), verdict: this.verdict, detail: this.verdict }),
      openLedger: async () => ledgerOf({}),
      seed: 1,
      undo: { tries: 3, pauseSeconds: 0.01 },
      steadyWithin: 0.1,
      ...change,
    };
  }
}

export const ledgerOf = (change: { lost?: number; stale?: number; fails?: string }): RunLedger => ({
  errorsSince: () => ({ first: 1, last: 2 }),
  gapSince: () => 1.5,
  close: async () => {
    if (change.fails) throw new Error(change.fails);
    const nothing = { failed: 0, indeterminate: 0, lost: 0, duplicated: 0, resurrected: 0, stale: 0 };
    return { acknowledged: 10, ...nothing, longestGap: 1.5, readFrom: ["one"], ...change };
  },
});

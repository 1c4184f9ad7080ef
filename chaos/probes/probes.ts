import { setTimeout as delay } from "node:timers/promises";
import { steadyState } from "../../infra/slos/steadyState";
import type { Environment } from "../../infra/config/schema";
import type { Probe } from "../experiment/schema";
import { replicasOf } from "../faults/workloads";
import type { Ground } from "../ground";
import type { Look } from "../run/journal";
import { Members } from "../postgres/members";
import { answered, quantile, Sampler } from "./sampler";
import { judged } from "./tolerance";

/** An objective's first look has this long to gather samples, seconds. */
const firstSamples = 2;

/** The eyes of a run. Objectives are watched by a client of our own from their first look on, so they must be closed. */
export class Probes {
  readonly #samplers = new Map<string, Sampler>();

  /** Never throws: what cannot be seen is `unknown`. */
  readonly look = async (probe: Probe, ground: Ground): Promise<Look> => {
    try {
      return await this.#look(probe, ground);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { at: new Date().toISOString(), verdict: "unknown", detail };
    }
  };

  async close(): Promise<void> {
    await Promise.all([...this.#samplers.values()].map((sampler) => sampler.stop()));
  }

  async #look(probe: Probe, ground: Ground): Promise<Look> {
    switch (probe.kind) {
      case "http": {
        // A service that is away has no status; that it is away is seen.
        const url = `${serviceUrl(probe.service, ground)}${probe.path}`;
        return judged(await answered(url, probe.timeout * 1000).catch(() => "no answer"), probe.tolerance);
      }
      case "ready-replicas":
        return judged((await replicasOf(probe.workload, ground)).ready, probe.tolerance);
      case "postgres-whole": {
        const { whole, looks } = await members(ground).state();
        return { ...judged(whole, { equals: true }), detail: looks };
      }
      case "postgres-primaries": {
        const primaries = (await members(ground).all()).filter(({ role, ready }) => role === "primary" && ready);
        return judged(primaries.length, probe.tolerance);
      }
      case "objective":
        return this.#objective(probe, ground);
    }
  }

  async #objective(probe: Extract<Probe, { kind: "objective" }>, ground: Ground): Promise<Look> {
    const { service, objective: id, window } = probe;
    const steady = steadyState(service, ground.environment as Environment).find(({ objective }) => objective.id === id);
    if (!steady) throw new Error(`${service} has no objective ${id} that holds from one moment to the next`);
    const url = `${serviceUrl(service, ground)}${probe.path}`;
    let sampler = this.#samplers.get(url);
    if (!sampler) {
      this.#samplers.set(url, (sampler = new Sampler(url)));
      await delay(firstSamples * 1000);
    }
    const samples = sampler.within(window);
    const { indicator } = steady.objective;
    const value =
      indicator.kind === "latency"
        ? quantile(
            samples.map(({ milliseconds }) => milliseconds),
            indicator.quantile,
          )
        : samples.filter(({ failed }) => failed).length / samples.length;
    return judged(value, { atMost: steady.most }, `nothing was asked in the last ${window} s`);
  }
}

export function members({ postgres, stack }: Ground): Members {
  if (!postgres) throw new Error(`the stack ${stack} has no Postgres that can be reached from here`);
  return new Members(postgres);
}

function serviceUrl(service: string, { targets, stack }: Ground): string {
  const url = targets[service]?.url;
  if (url === undefined)
    throw new Error(
      `no address of ${service} in the stack ${stack} is known; there are: ${Object.keys(targets).join(", ") || "none"}`,
    );
  return url;
}

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Probe, ProbeKind } from "../experiment/schema";
import type { Ground } from "../ground";
import type { Look, ProbeRecord } from "./journal";

/** Looks once. It never throws: what cannot be seen is `unknown`. */
export type Prober = (probe: Probe, ground: Ground) => Promise<Look>;

export const withinTolerance = (record: ProbeRecord): boolean => record.looks.at(-1)?.verdict === "met";

/** Of a probe that was to hold all the time; one that never looked does not count as met. */
export const alwaysMet = ({ looks }: ProbeRecord): boolean =>
  looks.length > 0 && looks.every(({ verdict }) => verdict === "met");

/** One look of each. */
export async function lookAll(probes: readonly Probe[], look: Prober, ground: Ground): Promise<ProbeRecord[]> {
  return Promise.all(
    probes.map(async (probe) => ({ name: probe.name, mode: probe.mode, looks: [await look(probe, ground)] })),
  );
}

/** Probes that look again and again, until they are stopped. */
export class Watch {
  readonly #looks: { readonly at: number; readonly look: Look }[][];
  #stopped = false;
  readonly #running: Promise<unknown>;

  /** @param onMissed told how many seconds a probe has been outside its tolerance, at each look that finds it so */
  constructor(
    private readonly probes: readonly Probe[],
    look: Prober,
    ground: Ground,
    onMissed: (probe: Probe, seconds: number) => void = () => undefined,
  ) {
    this.#looks = probes.map(() => []);
    this.#running = Promise.all(
      probes.map(async (probe, index) => {
        let missedSince: number | undefined;
        while (!this.#stopped) {
          const seen = await look(probe, ground);
          const at = performance.now();
          this.#looks[index]?.push({ at, look: seen });
          missedSince = seen.verdict === "met" ? undefined : (missedSince ?? at);
          if (missedSince !== undefined) onMissed(probe, (at - missedSince) / 1000);
          await delay(probe.every * 1000);
        }
      }),
    );
  }

  async stop(): Promise<ProbeRecord[]> {
    this.#stopped = true;
    await this.#running;
    return this.records();
  }

  records(): ProbeRecord[] {
    return this.probes.map(({ name, mode }, index) => ({
      name,
      mode,
      looks: (this.#looks[index] ?? []).map(({ look }) => look),
    }));
  }

  /** Seconds from a moment (`performance.now()`) to the first and the last look after it that was not within the tolerance. */
  errorsSince(moment: number, of: (kind: ProbeKind) => boolean): { readonly first?: number; readonly last?: number } {
    const missed = this.#looks
      .filter((_, index) => of(this.probes[index]?.kind ?? "objective"))
      .flat()
      .filter(({ at, look }) => at >= moment && look.verdict !== "met")
      .map(({ at }) => (at - moment) / 1000)
      .sort((left, right) => left - right);
    const [first, last] = [missed[0], missed.at(-1)];
    return { ...(first !== undefined && { first }), ...(last !== undefined && { last }) };
  }
}

import { summaryPart } from "../k6/shared/summary";
import type { Summary } from "../verdict";

const CSV = /^[a-z][a-z0-9_]*,/;

/** Takes one shard's log apart: a pod has one log for both of its outputs. */
export class ShardLog {
  readonly #rest: string[] = [];
  readonly #summary: string[] = [];
  /** Milliseconds since 1970. */
  #began: number | undefined;

  /** @param onSample gets k6's CSV, its header first */
  constructor(private readonly onSample: (line: string) => void) {}

  line(text: string): void {
    const part = summaryPart(text);
    if (part !== undefined) this.#summary.push(part);
    else if (!CSV.test(text)) this.#rest.push(text);
    else {
      if (!text.startsWith("metric_name,")) this.#began ??= Number(text.split(",")[1]);
      this.onSample(text);
    }
  }

  /** Time of its first sample, milliseconds since 1970; nothing, where it took none. */
  get began(): number | undefined {
    return this.#began;
  }

  /** What k6 said beside samples. */
  get rest(): readonly string[] {
    return this.#rest;
  }

  /** Nothing, where the shard ended before there was one. */
  summary(): Summary | undefined {
    if (this.#summary.length === 0) return undefined;
    try {
      return JSON.parse(this.#summary.join("")) as Summary;
    } catch {
      return undefined;
    }
  }
}

import { StepFailure } from "./failure";

const seconds: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Seconds of a duration as Go writes it: `1h30m`, `90s`, `500ms`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw new StepFailure(`'${text}' is not a duration; write it like '10m', '90s' or '1h30m'`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (seconds[unit ?? ""] ?? 0), 0);
}

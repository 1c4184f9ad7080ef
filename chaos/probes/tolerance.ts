import type { Tolerance } from "../experiment/schema";
import type { Look } from "../run/journal";

/** A value against what is tolerated. One that is not there is unknown: that is no pass. */
export function judged(value: Look["value"], tolerance: Tolerance, unknown = "there is no value"): Look {
  const at = new Date().toISOString();
  if (value === undefined || (typeof value === "number" && Number.isNaN(value)))
    return { at, verdict: "unknown", detail: unknown };
  const met =
    "equals" in tolerance
      ? value === tolerance.equals
      : typeof value === "number" && ("atMost" in tolerance ? value <= tolerance.atMost : value >= tolerance.atLeast);
  return { at, verdict: met ? "met" : "missed", value, detail: `${shown(value)}, tolerated: ${bound(tolerance)}` };
}

const shown = (value: number | string | boolean): string =>
  typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);

function bound(tolerance: Tolerance): string {
  if ("equals" in tolerance) return String(tolerance.equals);
  return "atMost" in tolerance ? `at most ${tolerance.atMost}` : `at least ${tolerance.atLeast}`;
}

import type { Json } from "./object";

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/** The number behind a Kubernetes quantity (`500m`, `1Gi`, 2); `undefined` when it is none. */
export function parseQuantity(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  const match = pattern.exec(value);
  if (match === null) return undefined;
  const number = Number(match[1]);
  return match[2] !== undefined ? number * 10 ** Number(match[2]) : number * (units[match[3] ?? ""] ?? 1);
}

/** Whether two spellings mean the same amount: the API server stores `1000m` as `1`. */
export function sameQuantity(one: Json | undefined, other: Json | undefined): boolean {
  const [a, b] = [parseQuantity(one), parseQuantity(other)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= Math.abs(a) * 1e-9;
}

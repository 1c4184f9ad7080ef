import exec from "k6/execution";
import { plan } from "./plan";

/** Numbers that depend on the seed and a text alone: mulberry32 over an FNV-1a hash. */
export function numbers(about: string): () => number {
  let state = 0x811c9dc5;
  for (const character of `${plan.seed}/${about}`) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Those of this iteration: its number in the whole test decides, not the user that happens to run it. */
export const iterationNumbers = (): (() => number) => numbers(`${exec.scenario.name}/${exec.scenario.iterationInTest}`);

export function pick<T>(next: () => number, from: readonly T[]): T {
  return from[Math.floor(next() * from.length)] as T;
}

export function uuid(next: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(next() * 16).toString(16));
  digits[12] = "4";
  digits[16] = pick(next, ["8", "9", "a", "b"]);
  const text = digits.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}

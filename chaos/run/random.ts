import { createHash } from "node:crypto";
import type { Random } from "../faults/fault";

/** Numbers from 0 up to 1, the same for the same seed on every machine. */
export function seeded(seed: number): Random {
  let drawn = 0;
  return () => createHash("sha256").update(`${seed}:${drawn++}`).digest().readUInt32BE(0) / 2 ** 32;
}

import { createHash, createHmac, randomBytes } from "node:crypto";

/** Gives `count` bytes. */
export type ByteSource = (count: number) => Buffer;

export const secureSource: ByteSource = (count) => randomBytes(count);

/** The same bytes for the same seed: for what a program asks to be repeatable. Never for secrets. */
export function seededSource(seed: string): ByteSource {
  const key = createHash("sha256").update(seed).digest();
  let counter = 0;
  return (count) => {
    const blocks: Buffer[] = [];
    for (let have = 0; have < count; have += 32) {
      blocks.push(createHmac("sha256", key).update(String(counter)).digest());
      counter += 1;
    }
    return Buffer.concat(blocks).subarray(0, count);
  };
}

/** A whole number from 0 to `bound` - 1, each equally likely: what would make the last ones rarer is drawn again. */
export function below(bound: number, source: ByteSource): number {
  if (!Number.isSafeInteger(bound) || bound < 1) throw new RangeError(`no number lies below ${bound}`);
  const limit = 2n ** 64n - (2n ** 64n % BigInt(bound));
  for (;;) {
    const drawn = source(8).readBigUInt64BE();
    if (drawn < limit) return Number(drawn % BigInt(bound));
  }
}

/** A new array in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], source: ByteSource): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = below(last + 1, source);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

export function pick<T>(items: readonly T[], source: ByteSource): T {
  return items[below(items.length, source)] as T;
}

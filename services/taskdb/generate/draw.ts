const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A bijection of 32-bit numbers whose result looks like chance. */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

const hex = (word: number): string =>
  `${HEX[word >>> 24]}${HEX[(word >>> 16) & 0xff]}${HEX[(word >>> 8) & 0xff]}${HEX[word & 0xff]}`;

/**
 * Chance without a state: what is drawn for a row depends on the seed, the table and the row's index alone, so that any row
 * can be made again at any time, in any order. `n` tells the draws of one row apart.
 */
export class Draw {
  private readonly key: number;

  constructor(seed: number, stream: number) {
    this.key = mix(mix(seed) + stream);
  }

  /** 0 to 2^32 - 1; of different indexes never the same. */
  word(index: number, n: number): number {
    const key = mix(this.key + n);
    return mix((mix((index ^ key) >>> 0) + key) >>> 0);
  }

  /** 0 to `below` - 1. */
  below(below: number, index: number, n: number): number {
    return Math.floor((this.word(index, n) / 0x1_0000_0000) * below);
  }

  /** One of `weights`' names, each as often as its share of their sum. */
  oneOf<T extends string>(weights: readonly (readonly [name: T, weight: number])[], index: number, n: number): T {
    let left = this.below(
      weights.reduce((sum, [, weight]) => sum + weight, 0),
      index,
      n,
    );
    for (const [name, weight] of weights) if ((left -= weight) < 0) return name;
    throw new Error("weights must be positive");
  }

  /** Of version 4 by its form. */
  uuid(index: number): string {
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => hex(this.word(index, n))) as [string, string, string, string];
    const variant = HEX[0x80 | (parseInt(c.slice(0, 2), 16) & 0x3f)];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(2, 4)}-${c.slice(4)}${d}`;
  }

  /** As long as a SHA-256. */
  digest(index: number, n: number): string {
    let text = "";
    for (let part = 0; part < 8; part++) text += hex(this.word(index, n + part));
    return text;
  }
}

const SYNTAX = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/;

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

/** Largest exponent that is read; the API server holds no quantity beyond it. */
const MAXIMUM_EXPONENT = 30;

/** One whole unit (a core, a byte) as {@link parseQuantity} counts it. */
export const UNIT = 1_000_000_000n;

/**
 * A Kubernetes quantity (`500m`, `1.5Gi`, `2e3`, `4`) in billionths of its unit, rounded up as the API server does, so that any two can
 * be compared exactly. `undefined` when the text is no quantity.
 */
export function parseQuantity(quantity: string | number): bigint | undefined {
  const text = String(quantity);
  if (!known.has(text)) known.set(text, parse(text));
  return known.get(text);
}

/** A stack has few different quantities, and each rule on sizes asks for all of them. */
const known = new Map<string, bigint | undefined>();

function parse(text: string): bigint | undefined {
  const match = SYNTAX.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = "", exponent, suffix = ""] = match;
  const [whole = "", fraction = ""] = digits.split(".");
  const power = (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent.slice(1))) + 9 - fraction.length;
  if (Math.abs(power) > MAXIMUM_EXPONENT) return undefined;
  const scaled = BigInt(whole + fraction) << BigInt(BINARY[suffix] ?? 0);
  const magnitude = power >= 0 ? scaled * 10n ** BigInt(power) : divideUp(scaled, 10n ** BigInt(-power));
  return sign === "-" ? -magnitude : magnitude;
}

const divideUp = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;

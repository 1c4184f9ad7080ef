/** A range of IPv4 addresses; both ends belong to it. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

/** `10.0.0.0/16`; `undefined` for what is no range, and where the address is not the first of its range. */
export function parseRange(text: string): AddressRange | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits > 32) return undefined;
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - bits);
  return first % size === 0 ? { first, last: first + size - 1 } : undefined;
}

export function overlap(one: AddressRange, other: AddressRange): boolean {
  return one.first <= other.last && other.first <= one.last;
}

/** Cuts ranges of `2 ** (32 - bits)` addresses out of a range, one after the other, from `offset` ranges on. */
export function subnets(range: AddressRange, bits: number, count: number, offset = 0): string[] {
  const size = 2 ** (32 - bits);
  return Array.from({ length: count }, (_, index) => {
    const first = range.first + (offset + index) * size;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${bits}`;
  });
}

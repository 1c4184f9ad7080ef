/** Amounts with a unit, as they are written in stack files: kept as text for the API, and as a number to compare. */

/** CPU in Kubernetes notation; `value` in thousandths of a core. */
export interface Cpu {
  readonly text: string;
  readonly value: number;
}

/** Memory or storage in Kubernetes notation; `value` in bytes. */
export interface Bytes {
  readonly text: string;
  readonly value: number;
}

const BINARY: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 };
const DECIMAL: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const POSTGRES: Readonly<Record<string, number>> = { kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text.trim());
  const unit = match && Object.hasOwn(units, match[2] ?? "") ? units[match[2] ?? ""] : undefined;
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

/** `250m`, `2`, `0.5`; a bare number is cores. */
export function parseCpu(text: string): Cpu | undefined {
  const value = text.trim().endsWith("m") ? scaled(text.trim().slice(0, -1), { "": 1 }) : scaled(text, { "": 1000 });
  return value === undefined || !Number.isInteger(Math.round(value * 1e6) / 1e6)
    ? undefined
    : { text: text.trim(), value };
}

/** `512Mi`, `2Gi`, `1G`; a bare number is bytes. */
export function parseBytes(text: string): Bytes | undefined {
  const value = scaled(text, { ...BINARY, ...DECIMAL });
  return value === undefined ? undefined : { text: text.trim(), value };
}

/** `256MB`, `4MB`, `64kB`: PostgreSQL's own units, which are powers of 1024. */
export function parsePostgresSize(text: string): Bytes | undefined {
  const value = scaled(text, POSTGRES);
  return value === undefined ? undefined : { text: text.trim(), value };
}

/** `20s`, `5m`, `1h`, `7d`; the result is in seconds. */
export function parseSeconds(text: string): number | undefined {
  return scaled(text, SECONDS);
}

/** Bytes in the largest binary unit that leaves no fraction. */
export function formatBytes(value: number): string {
  const unit = Object.entries(BINARY)
    .reverse()
    .find(([, size]) => value >= size && value % size === 0);
  return unit ? `${value / unit[1]}${unit[0]}` : String(value);
}

/** Thousandths of a core as `750m` or `2`. */
export function formatCpu(value: number): string {
  return value % 1000 === 0 ? String(value / 1000) : `${value}m`;
}

import type { ClaimVerification, Verification } from "./debugger";

const indent = " ".repeat(8);

/** For people: a line for the whole, one for each claim, and with `verbose` three for each that failed. */
export function format({ verification_snapshot_ts, claims }: Verification, verbose: boolean): string {
  const lines = [
    `Debugging provenance for snapshot ${verification_snapshot_ts}`,
    ...claims.flatMap((claim) => [
      `[${claim.status.toUpperCase()}] ${claim.kind}: ${shortened(claim)} - ${claim.finding}`,
      ...(verbose && claim.status === "fail" ? differences(claim) : []),
    ]),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

function shortened({ claim }: ClaimVerification): string {
  const [, prefix = "", value = ""] = /^\w+:(sha256:)?(.+)$/.exec(claim) ?? [];
  return `${prefix}${value.slice(0, 8)}...`;
}

function differences({ details: { expected, actual, mismatch } }: ClaimVerification): string[] {
  const rows = { Expected: expected, Actual: actual, Mismatch: mismatch ?? "" };
  const width = Math.max(...Object.keys(rows).map((name) => name.length)) + 2;
  return Object.entries(rows).map(([name, value]) => `${indent}${`${name}:`.padEnd(width)}${value}`);
}

/** What a path may hold must not move the cursor or begin a line of its own. */
// eslint-disable-next-line no-control-regex
const printable = (line: string): string => line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "\u{FFFD}");

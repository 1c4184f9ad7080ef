/** What became of each write that was sent. */
export interface WriteLedger {
  /** Acknowledged by the server: must be there, once. */
  readonly acknowledged: readonly number[];
  /** Refused by the server: must not be there. */
  readonly failed: readonly number[];
  /** No answer came (the connection broke or timed out): may be there or not. */
  readonly indeterminate: readonly number[];
}

export interface Audit {
  readonly acknowledged: number;
  readonly failed: number;
  readonly indeterminate: number;
  /** Acknowledged and not there. */
  readonly lost: readonly number[];
  /** There more than once. */
  readonly duplicated: readonly number[];
  /** Refused and there all the same. */
  readonly resurrected: readonly number[];
}

/** Compares what was acknowledged with what the database holds. */
export function audit(ledger: WriteLedger, stored: readonly number[]): Audit {
  const found = new Set<number>();
  const duplicated = new Set<number>();
  for (const id of stored) {
    if (found.has(id)) duplicated.add(id);
    found.add(id);
  }
  return {
    acknowledged: ledger.acknowledged.length,
    failed: ledger.failed.length,
    indeterminate: ledger.indeterminate.length,
    lost: ledger.acknowledged.filter((id) => !found.has(id)),
    duplicated: [...duplicated],
    resurrected: ledger.failed.filter((id) => found.has(id)),
  };
}

/** The sum of audits of different writes. */
export function total(audits: readonly Audit[]): Audit {
  const count = (of: (one: Audit) => number) => audits.reduce((sum, one) => sum + of(one), 0);
  return {
    acknowledged: count(({ acknowledged }) => acknowledged),
    failed: count(({ failed }) => failed),
    indeterminate: count(({ indeterminate }) => indeterminate),
    lost: audits.flatMap(({ lost }) => lost),
    duplicated: audits.flatMap(({ duplicated }) => duplicated),
    resurrected: audits.flatMap(({ resurrected }) => resurrected),
  };
}

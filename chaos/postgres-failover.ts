import { performance } from "node:perf_hooks";
import type { Audit } from "./postgres/audit";
import { audit } from "./postgres/audit";
import type { FaultName, NodeFaults } from "./postgres/faults";
import { faults } from "./postgres/faults";
import type { PostgresRef } from "./postgres/members";
import { Members } from "./postgres/members";
import { overlapSeconds, PrimaryWatch, probeTable } from "./postgres/primaries";
import type { Target } from "./postgres/writer";
import { connect, patient, sleep, SteadyWriter, writesTable } from "./postgres/writer";

export { faultNames, type FaultName, type NodeFaults } from "./postgres/faults";
export type { PostgresRef } from "./postgres/members";
export type { Audit } from "./postgres/audit";

export interface FailoverOptions {
  readonly postgres: PostgresRef;
  /** Cuts nodes off and back; of the embedded cluster. */
  readonly nodes: NodeFaults;
  readonly faults: readonly FaultName[];
  /**
   * Runs of each fault.
   * @default 5
   */
  readonly runs?: number;
  /** Told after each run. @default nobody */
  readonly onRun?: (fault: FaultName, run: FailoverRun) => void;
}

export interface FailoverRun {
  readonly from: string;
  readonly to: string;
  /** From the last write acknowledged before the fault took hold to the next one, in seconds. */
  readonly gapSeconds: number;
  /** How it is known that the fault happened. */
  readonly evidence: string;
  /** Seconds for which two members took writes at once; only where both sides were looked at. */
  readonly twoPrimariesSeconds?: number;
}

export interface FailoverFigures {
  readonly fault: FaultName;
  readonly title: string;
  readonly runs: readonly FailoverRun[];
  readonly medianSeconds: number;
  readonly maximumSeconds: number;
  /** Of every write that was sent in all runs of this fault. */
  readonly audit: Audit;
}

/** Seconds of undisturbed writing before a fault, and after the first write that follows it. */
const calmSeconds = 2;
const settleSeconds = 3;
const failoverTimeoutSeconds = 90;

/**
 * Strikes the primary again and again under a steady writer, and measures how long no write was acknowledged. Each run starts from a
 * whole cluster; what a fault took away is put back whatever happens.
 *
 * @throws when a fault did not take hold, or Postgres does not come back
 */
export async function measureFailovers(options: FailoverOptions): Promise<FailoverFigures[]> {
  const members = new Members(options.postgres);
  const target = await members.target();
  const figures: FailoverFigures[] = [];
  for (const fault of options.faults) figures.push(await measureFault(fault, members, target, options));
  return figures;
}

async function measureFault(
  name: FaultName,
  members: Members,
  target: Target,
  options: FailoverOptions,
): Promise<FailoverFigures> {
  await members.whole();
  await onPrimary(target, async (client) => {
    for (const table of [writesTable, probeTable]) await client.query(`DROP TABLE IF EXISTS ${table}`);
    // No key and no index: a row that was stored twice must be seen.
    await client.query(`CREATE TABLE ${writesTable} (id bigint NOT NULL)`);
    await client.query(`CREATE TABLE ${probeTable} (at timestamptz NOT NULL)`);
  });
  const writer = new SteadyWriter(target);
  const runs: FailoverRun[] = [];
  try {
    for (let run = 0; run < (options.runs ?? 5); run++) {
      await members.whole();
      const result = await strike(name, members, target, writer, options.nodes);
      runs.push(result);
      options.onRun?.(name, result);
    }
  } finally {
    await writer.stop();
  }
  const ledger = await writer.stop();
  await members.whole();
  const stored = await onPrimary(target, async (client) => {
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${writesTable}`);
    for (const table of [writesTable, probeTable]) await client.query(`DROP TABLE ${table}`);
    return rows.map(({ id }) => Number(id));
  });
  const gaps = runs.map(({ gapSeconds }) => gapSeconds).sort((a, b) => a - b);
  return {
    fault: name,
    title: faults(options.nodes)[name].title,
    runs,
    medianSeconds: gaps[Math.floor(gaps.length / 2)] ?? 0,
    maximumSeconds: gaps.at(-1) ?? 0,
    audit: audit(ledger, stored),
  };
}

async function strike(
  name: FaultName,
  members: Members,
  target: Target,
  writer: SteadyWriter,
  nodes: NodeFaults,
): Promise<FailoverRun> {
  const fault = faults(nodes)[name];
  const primary = await members.primary();
  const watch = name === "partitioned" ? await PrimaryWatch.start(await members.all(), target) : undefined;
  await writer.acknowledgedAfter(performance.now() + calmSeconds * 1000, failoverTimeoutSeconds);
  const struckAt = performance.now();
  try {
    const proof = await fault.strike(primary, members);
    // A write that was on its way may still be acknowledged; what counts is that writing goes on afterwards.
    await steadyAgain(writer, struckAt);
    const gapSeconds = writer.longestGapSince(struckAt);
    const evidence = await proof();
    const { leader } = await members.leadership();
    const samples = await watch?.stop();
    return {
      from: primary.pod,
      to: leader ?? "",
      gapSeconds,
      evidence,
      ...(samples && { twoPrimariesSeconds: overlapSeconds(samples) }),
    };
  } finally {
    await watch?.stop();
    await fault.restore?.(primary);
  }
}

/** Waits until writes have been acknowledged for a while without a pause, so that the failover lies behind. */
async function steadyAgain(writer: SteadyWriter, struckAt: number): Promise<void> {
  const deadline = performance.now() + failoverTimeoutSeconds * 1000;
  let calmSince = performance.now();
  while (
    performance.now() - calmSince < settleSeconds * 1000 ||
    performance.now() - struckAt < 2 * settleSeconds * 1000
  ) {
    if (performance.now() > deadline)
      throw new Error(`writes have not become steady within ${failoverTimeoutSeconds} s`);
    const since = performance.now();
    await sleep(50);
    await writer.acknowledgedAfter(since, failoverTimeoutSeconds);
    if (performance.now() - since > 1000) calmSince = performance.now();
  }
}

async function onPrimary<T>(
  target: Target,
  work: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  const client = await connect(target, patient);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

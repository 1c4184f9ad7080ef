import { performance } from "node:perf_hooks";
import type { Audit } from "./postgres/audit";
import { total } from "./postgres/audit";
import type { FaultName, NodeFaults } from "./postgres/faults";
import { faults } from "./postgres/faults";
import type { PostgresRef } from "./postgres/members";
import { Members } from "./postgres/members";
import { overlapSeconds, PrimaryWatch, probeTable } from "./postgres/primaries";
import { onPrimary, verdict } from "./postgres/verdict";
import type { Target } from "./postgres/writer";
import { sleep, SteadyWriter, writesTable } from "./postgres/writer";

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
  /** Seconds for which two members took writes at once, as each said from inside its own pod: on both sides of a cut. */
  readonly twoPrimariesSeconds: number;
  /** Of every write that was sent in this run. */
  readonly audit: Audit;
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
/** More rows than a run can write. */
const idsOfARun = 10_000_000;

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
  const runs: FailoverRun[] = [];
  for (let run = 0; run < (options.runs ?? 5); run++) {
    const result = await measureRun(name, members, target, options.nodes, run * idsOfARun);
    runs.push(result);
    options.onRun?.(name, result);
  }
  await onPrimary(target, async (client) => {
    for (const table of [writesTable, probeTable]) await client.query(`DROP TABLE ${table}`);
  });
  const gaps = runs.map(({ gapSeconds }) => gapSeconds).sort((a, b) => a - b);
  return {
    fault: name,
    title: faults(options.nodes)[name].title,
    runs,
    medianSeconds: gaps[Math.floor(gaps.length / 2)] ?? 0,
    maximumSeconds: gaps.at(-1) ?? 0,
    audit: total(runs.map((one) => one.audit)),
  };
}

/** One loss of the primary, from a whole cluster to a whole cluster, and the audit of what was written meanwhile. */
async function measureRun(
  name: FaultName,
  members: Members,
  target: Target,
  nodes: NodeFaults,
  firstId: number,
): Promise<FailoverRun> {
  await members.whole();
  const writer = new SteadyWriter(target, firstId);
  let struck: Omit<FailoverRun, "audit">;
  try {
    struck = await strike(name, members, target, writer, nodes);
  } finally {
    await writer.stop();
  }
  await members.whole();
  return { ...struck, audit: await verdict(target, await writer.stop(), firstId) };
}

async function strike(
  name: FaultName,
  members: Members,
  target: Target,
  writer: SteadyWriter,
  nodes: NodeFaults,
): Promise<Omit<FailoverRun, "audit">> {
  const fault = faults(nodes)[name];
  const primary = await members.primary();
  const watch = await PrimaryWatch.start(await members.all(), target);
  try {
    await writer.record.acknowledgedAfter(performance.now() + calmSeconds * 1000, failoverTimeoutSeconds);
    const struckAt = performance.now();
    const proof = await fault.strike(primary, members);
    // A write that was on its way may still be acknowledged; what counts is that writing goes on afterwards.
    await steadyAgain(writer, struckAt);
    const gapSeconds = writer.record.longestGapSince(struckAt);
    const evidence = await proof();
    const { leader } = await members.leadership();
    return {
      from: primary.pod,
      to: leader ?? "",
      gapSeconds,
      evidence,
      twoPrimariesSeconds: overlapSeconds(await watch.stop()),
    };
  } finally {
    await watch.stop();
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
    await writer.record.acknowledgedAfter(since, failoverTimeoutSeconds);
    if (performance.now() - since > 1000) calmSince = performance.now();
  }
}

import { availableParallelism } from "node:os";
import { Deployment } from "./deployment/deployment";
import type { StackConfig } from "./deployment/provider-choice";
import { type Journal, previewJournal, SessionJournal } from "./deployment/journal";
import { Olds } from "./deployment/olds";
import { doubtInterrupted, settlePending } from "./deployment/pending";
import { type FactoryLoader, ProviderTable } from "./deployment/provider-table";
import type { Recorder } from "./deployment/recorder";
import type { Run } from "./deployment/run";
import { Slots } from "./deployment/slots";
import { Gate } from "./deployment/stop";
import { serveMonitor } from "./monitor/server";
import type { PolicyRunner } from "./policy/policy";
import { Program, type ProgramOptions } from "./program/process";
import type { Snapshot, StackSession } from "./state/store";
import type { PropertyMap } from "./values";

/** Pulumi's own default: four operations a core. */
export const defaultParallel = (): number => 4 * availableParallelism();

/** What a program's run, and every part of it, is given. */
export interface PassOptions {
  readonly program: Omit<ProgramOptions, "address" | "dryRun" | "parallel" | "config" | "secretKeys">;
  readonly config: StackConfig;
  readonly dryRun: boolean;
  readonly parallel: number;
  readonly offline: boolean;
  readonly providers: { readonly load: FactoryLoader; readonly names: readonly string[] };
  readonly recorder: Recorder;
  readonly signal?: AbortSignal;
  readonly seed: Buffer;
  /** The stack to work on; the program starts meanwhile. Of a preview only the snapshot is used. */
  readonly session: Promise<Pick<StackSession, "apply"> & { readonly base: Snapshot }>;
  readonly policies?: Promise<readonly PolicyRunner[]>;
}

export interface PassResult {
  readonly result: "succeeded" | "failed" | "canceled";
  readonly outputs: PropertyMap;
}

export function makeRun(
  options: Pick<PassOptions, "dryRun" | "parallel" | "offline" | "providers" | "recorder" | "signal" | "seed"> & {
    readonly project: string;
    readonly stack: string;
  },
  base: Snapshot,
  session: Pick<StackSession, "apply"> | undefined,
  gate = new Gate(options.signal),
): Run {
  const { recorder, dryRun } = options;
  const journal: Journal = dryRun || session === undefined ? previewJournal : new SessionJournal(session);
  const context = {
    status: (urn: string, message: string) => recorder.emit({ kind: "step-status", urn, message }),
    warn: (urn: string | undefined, message: string) => recorder.diagnostic("warning", message, urn),
    offline: options.offline,
    signal: options.signal ?? new AbortController().signal,
  };
  const { load, names } = options.providers;
  return {
    project: options.project,
    stack: options.stack,
    dryRun,
    olds: new Olds(base),
    journal,
    providers: new ProviderTable(load, names, context, base.resources),
    recorder,
    gate,
    slots: new Slots(options.parallel),
    seed: options.seed,
    reported: new WeakSet(),
  };
}

/** A run of the program over the state, in which nothing that a killed run left open is taken for granted. */
export async function openRun(
  options: Parameters<typeof makeRun>[0],
  session: Pick<StackSession, "apply"> & { readonly base: Snapshot },
  gate?: Gate,
): Promise<Run> {
  const { base } = session;
  const run = makeRun(options, base, session, gate);
  if (base.pendingOperations.length === 0) return run;
  const settled = await settlePending(run, base);
  const resources = options.offline ? settled.resources : await doubtInterrupted(run, base, settled.resources);
  await run.providers.close();
  return makeRun(options, { ...settled, resources }, session, gate);
}

/** Runs the program once over the stack, as a preview or for real. Rejects only for what no run can go on from (the state cannot be opened). */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const { recorder, dryRun, parallel, config } = options;
  const gate = new Gate(options.signal);
  let run: Run | undefined;
  const deployment = (async () => {
    const [session, policies] = await Promise.all([options.session, options.policies ?? []]);
    const settings = { ...options, project: options.program.project, stack: options.program.stack };
    run = await openRun(settings, session, gate);
    return new Deployment(run, config, policies);
  })();
  deployment.catch(() => undefined);
  const monitor = await serveMonitor(deployment, recorder);
  try {
    const { values, secretKeys } = config;
    const program = new Program(
      { ...options.program, dryRun, parallel, config: values, secretKeys, address: monitor.address },
      recorder,
    );
    try {
      gate.onStop(() => program.stop());
      const opened = await deployment;
      const ranWell = await Promise.race([program.ended, monitor.programDone.then(() => true)]);
      if (ranWell && !recorder.hasErrors()) await opened.finish();
      else gate.stop("failed");
      await opened.settled();
      return { result: gate.reason ?? (recorder.hasErrors() ? "failed" : "succeeded"), outputs: opened.outputs() };
    } finally {
      program.stop();
      // Nobody has told it to begin, so it has nothing to say: it is gone when this is.
      if (run === undefined) await program.ended;
    }
  } finally {
    monitor.close();
    await run?.providers.close();
  }
}

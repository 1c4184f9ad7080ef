import { randomBytes } from "node:crypto";
import { Recorder } from "./deployment/recorder";
import type { Run } from "./deployment/run";
import { Stopped } from "./deployment/stop";
import { StepFailure } from "./failure";
import { type ChangeOptions, closing, type RunResult, summarize } from "./operations";
import { defaultParallel, makeRun } from "./pass";
import { configOf, findStack, lockStack, type OpenedStack, providersOf } from "./stack";
import type { Snapshot, StackSession } from "./state/store";

export type StateOptions = Omit<ChangeOptions, "policyPacks" | "environment">;

/** An operation that works on what the state holds, and does not run the program. */
export interface StateOperation {
  readonly kind: "refresh" | "destroy";
  /** Rejects with the first failure, all others having been reported. */
  readonly work: (run: Run, base: Snapshot) => Promise<void>;
  /** Whether a preview like this leaves nothing to ask about or to do. */
  readonly isNothing: (plan: RunResult, base: Snapshot) => boolean;
}

/** Shows what the operation would do, asks, and does it, all under the stack's lock. */
export async function overState(operation: StateOperation, options: StateOptions): Promise<RunResult> {
  const stack = await findStack(options);
  const opening = lockStack(stack, operation.kind, await configOf(stack, false));
  return closing(opening, async (done) => {
    const session = await opening;
    if (options.skipPreview !== true) {
      const plan = await pass(operation, stack, session, options, true);
      if (plan.result !== "succeeded" || operation.isNothing(plan, session.base)) return done(plan);
      if (options.confirm !== undefined && !(await options.confirm(plan))) return done({ ...plan, result: "canceled" });
    }
    return done(await pass(operation, stack, session, options, false));
  });
}

async function pass(
  { kind, work }: StateOperation,
  stack: OpenedStack,
  session: StackSession,
  options: StateOptions,
  dryRun: boolean,
): Promise<RunResult> {
  const recorder = new Recorder(options.events);
  recorder.emit({ kind: "prelude", stack: stack.name, operation: kind, dryRun, config: {} });
  const run = await runOver(stack, options, { dryRun, recorder, base: session.base, session }, work);
  return summarize(recorder, { result: run.gate.reason ?? "succeeded", outputs: {} }, dryRun);
}

/** Does the work on what a state holds, without the program; what fails is told to the recorder and stops the run's gate. */
export async function runOver(
  stack: OpenedStack,
  options: Pick<StateOptions, "parallel" | "signal">,
  over: {
    readonly dryRun: boolean;
    readonly recorder: Recorder;
    readonly base: Snapshot;
    readonly session?: StackSession;
  },
  work: StateOperation["work"],
): Promise<Run> {
  const { dryRun, recorder, base, session } = over;
  const settings = {
    project: stack.project.name,
    stack: stack.name,
    dryRun,
    parallel: options.parallel ?? defaultParallel(),
    offline: false,
    providers: providersOf(stack, false),
    recorder,
    signal: options.signal,
    seed: randomBytes(32),
  };
  const run = makeRun(settings, base, session);
  try {
    await work(run, base);
  } catch (error) {
    if (error instanceof StepFailure && !run.reported.has(error))
      recorder.diagnostic("error", error.message, error.urn);
    else if (!(error instanceof StepFailure) && !(error instanceof Stopped)) throw error;
    run.gate.stop("failed");
  } finally {
    await run.providers.close();
  }
  return run;
}

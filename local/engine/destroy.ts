import { randomBytes } from "node:crypto";
import { deleteAll } from "./deployment/deletions";
import { Recorder } from "./deployment/recorder";
import { StepFailure } from "./failure";
import { Stopped } from "./deployment/stop";
import { type ChangeOptions, closing, type RunResult, summarize } from "./operations";
import { defaultParallel, openRun } from "./pass";
import { loadProvider, providerNames } from "./providers";
import { configOf, findStack, lockStack, type OpenedStack } from "./stack";
import type { StackSession } from "./state/store";

export type DestroyOptions = Omit<ChangeOptions, "policyPacks" | "environment">;

/** Deletes everything that is in the stack's state, dependents first. The program is not run. */
export async function destroy(options: DestroyOptions): Promise<RunResult> {
  const stack = await findStack(options);
  const opening = lockStack(stack, "destroy", await configOf(stack, false));
  return closing(opening, async (done) => {
    const session = await opening;
    if (options.skipPreview !== true) {
      const plan = await pass(stack, session, options, true);
      if (plan.result !== "succeeded" || session.base.resources.length === 0) return done(plan);
      if (options.confirm !== undefined && !(await options.confirm(plan))) return done({ ...plan, result: "canceled" });
    }
    return done(await pass(stack, session, options, false));
  });
}

async function pass(
  stack: OpenedStack,
  session: StackSession,
  options: DestroyOptions,
  dryRun: boolean,
): Promise<RunResult> {
  const recorder = new Recorder(options.events);
  recorder.emit({ kind: "prelude", stack: stack.name, operation: "destroy", dryRun, config: {} });
  const settings = {
    project: stack.project.name,
    stack: stack.name,
    dryRun,
    parallel: options.parallel ?? defaultParallel(),
    offline: false,
    providers: { load: loadProvider, names: providerNames },
    recorder,
    signal: options.signal,
    seed: randomBytes(32),
  };
  const run = await openRun(settings, session);
  try {
    await deleteAll(run, run.olds.all());
  } catch (error) {
    if (error instanceof StepFailure && !run.reported.has(error))
      recorder.diagnostic("error", error.message, error.urn);
    else if (!(error instanceof StepFailure) && !(error instanceof Stopped)) throw error;
    run.gate.stop("failed");
  } finally {
    await run.providers.close();
  }
  return summarize(recorder, { result: run.gate.reason ?? "succeeded", outputs: {} }, dryRun);
}

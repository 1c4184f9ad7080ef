import { randomBytes } from "node:crypto";
import { Ahead } from "./ahead";
import { type Diagnostic, Recorder } from "./deployment/recorder";
import { equal } from "./equality";
import type { EventSink, StepInfo } from "./events";
import { defaultParallel, type PassOptions, type PassResult, runPass } from "./pass";
import type { PolicyRunner } from "./policy/policy";
import type { StackConfig } from "./project";
import { configOf, findStack, lockStack, type OpenedStack, providersOf, type StackOptions } from "./stack";
import type { ResourceChanges, Snapshot, StackSession } from "./state/store";
import { stackType } from "./urn";
import type { PropertyMap } from "./values";

export interface RunOptions extends StackOptions {
  /** Operations at once. @default four a core */
  readonly parallel?: number;
  /** Folders of policy packs, each with the content of its `--policy-pack-config`. */
  readonly policyPacks?: readonly { readonly directory: string; readonly config?: Record<string, unknown> }[];
  /** Variables for the program, on top of this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly events?: EventSink;
  /** Aborted by the first Ctrl-C: what runs is brought to its end, nothing new begins. */
  readonly signal?: AbortSignal;
}

export interface PreviewOptions extends RunOptions {
  /** No network at all, and no provider needed: what only they know stays unknown. @default false */
  readonly offline?: boolean;
}

/** What a preview says will be done. */
export interface Plan {
  readonly changes: ResourceChanges;
  /** Everything but `same` and `read`. */
  readonly steps: readonly StepInfo[];
  readonly outputs: PropertyMap;
}

export interface ChangeOptions extends RunOptions {
  /** @default false: with policy packs there is always a preview, since they must pass before anything changes */
  readonly skipPreview?: boolean;
  /** Asked after the preview, if there is anything to do. @default yes */
  readonly confirm?: (plan: Plan) => Promise<boolean>;
}

export interface RunResult {
  readonly result: "succeeded" | "failed" | "canceled";
  readonly changes: ResourceChanges;
  readonly steps: readonly StepInfo[];
  readonly outputs: PropertyMap;
  readonly diagnostics: readonly Diagnostic[];
  readonly durationMs: number;
}

/** Shows what `up` would do. @throws when the project, the stack's file or the state cannot be used; a failing program does not throw */
export async function preview(options: PreviewOptions): Promise<RunResult> {
  const stack = await findStack(options);
  const offline = options.offline ?? false;
  const config = await configOf(stack, offline);
  const snapshot = stateToCompare(stack, offline);
  const runner = new Passes(stack, config, options, offline);
  return runner.pass(
    true,
    snapshot.then((base) => ({ base, apply: async () => undefined })),
  );
}

/** Makes the stack what the program says. If a preview finds nothing to do, the program is not run again. */
export async function up(options: ChangeOptions): Promise<RunResult> {
  const stack = await findStack(options);
  const config = await configOf(stack, false);
  const opening = lockStack(stack, "update", config);
  return closing(opening, async (done) => {
    const passes = new Passes(stack, config, options, false);
    if (options.skipPreview === true && (options.policyPacks ?? []).length === 0)
      return done(await passes.pass(false, opening));
    const update = new Ahead((session, recorder) => passes.pass(false, session, recorder), options.events);
    // Once there is something to do: a run with nothing to do needs no second process.
    const recorder = new Recorder(options.events, { onChange: startsAhead(stack) ? () => update.start() : undefined });
    try {
      const plan = await passes.pass(true, opening, recorder);
      if (plan.result !== "succeeded" || isNothing(plan, (await opening).base, recorder.rewritten)) return done(plan);
      if (options.confirm !== undefined && !(await options.confirm(plan))) return done({ ...plan, result: "canceled" });
      return done(await update.begin(opening));
    } finally {
      await update.abandon();
    }
  });
}

/** The offline preview of a stack whose secrets cannot be opened compares with what can be read. */
async function stateToCompare(stack: OpenedStack, offline: boolean): Promise<Snapshot> {
  if (!(await stack.backend.exists(stack.name))) return { resources: [], pendingOperations: [] };
  const blind = offline && (await stack.passphrase()) === undefined;
  return stack.backend.read(stack.name, { blind });
}

/** Closes the session with the outcome, whatever it is. */
export async function closing(
  opening: Promise<StackSession>,
  work: (done: (result: RunResult) => RunResult) => Promise<RunResult>,
): Promise<RunResult> {
  let outcome: RunResult | undefined;
  try {
    return await work((result) => (outcome = result));
  } finally {
    const session = await opening.catch(() => undefined);
    await session?.close(outcome?.result === "succeeded" ? "succeeded" : "failed", outcome?.changes ?? {});
  }
}

function isNothing(plan: RunResult, base: Snapshot, rewritten: number): boolean {
  const outputs = base.resources.find(({ type }) => type === stackType)?.outputs ?? {};
  return (
    plan.steps.length === 0 &&
    rewritten === 0 &&
    base.pendingOperations.length === 0 &&
    equal(outputs, plan.outputs, true)
  );
}

/** Two processes at once cannot both have the port of a debugger. */
function startsAhead({ project }: OpenedStack): boolean {
  return !project.runtime.options.nodeargs.some((argument) => argument.startsWith("--inspect"));
}

/** The passes of one operation: a preview and the update after it share the seed of automatic names. */
class Passes {
  private readonly seed = randomBytes(32);

  constructor(
    private readonly stack: OpenedStack,
    private readonly config: StackConfig,
    private readonly options: RunOptions,
    private readonly offline: boolean,
  ) {}

  async pass(
    dryRun: boolean,
    session: PassOptions["session"],
    recorder = new Recorder(this.options.events),
  ): Promise<RunResult> {
    const { signal, parallel = defaultParallel() } = this.options;
    recorder.emit({ kind: "prelude", stack: this.stack.name, operation: "update", dryRun, config: this.shownConfig() });
    const policies = this.startPolicies(recorder, dryRun);
    policies.catch(() => undefined);
    session.catch(() => undefined);
    try {
      const done = await runPass({
        program: this.program(),
        config: this.config,
        dryRun,
        parallel,
        offline: this.offline,
        providers: providersOf(this.stack, this.offline),
        recorder,
        signal,
        seed: this.seed,
        session,
        policies,
      });
      return summarize(recorder, done, dryRun);
    } finally {
      for (const policy of await policies.catch(() => [])) await policy.close();
    }
  }

  private program(): PassOptions["program"] {
    const { project, name } = this.stack;
    const { typescript, nodeargs, tsconfig } = project.runtime.options;
    return {
      projectFolder: project.root,
      folder: project.pwd,
      entry: project.main,
      typescript,
      nodeArguments: nodeargs,
      tsconfig,
      project: project.name,
      stack: name,
      organization: "organization",
      environment: this.options.environment ?? {},
    };
  }

  private async startPolicies(recorder: Recorder, dryRun: boolean): Promise<PolicyRunner[]> {
    const packs = this.options.policyPacks ?? [];
    if (packs.length === 0) return [];
    const { startPolicyPack } = await import("./policy/runner.js");
    const started = await Promise.allSettled(
      packs.map(({ directory, config = {} }) =>
        startPolicyPack({
          directory,
          config,
          project: this.stack.project.name,
          stack: this.stack.name,
          organization: "organization",
          dryRun,
          events: (event) => recorder.forward(event),
          signal: this.options.signal ?? new AbortController().signal,
        }),
      ),
    );
    const runners = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const failed = started.find((each) => each.status === "rejected");
    if (failed === undefined) return runners;
    for (const runner of runners) await runner.close();
    throw failed.reason;
  }

  private shownConfig(): Record<string, string> {
    const { values, secretKeys } = this.config;
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, secretKeys.includes(key) ? "[secret]" : value]),
    );
  }
}

export function summarize(recorder: Recorder, done: PassResult, dryRun: boolean): RunResult {
  const durationMs = recorder.elapsed();
  const { changes, steps, diagnostics } = recorder;
  recorder.emit({ kind: "summary", changes, durationMs, result: done.result, dryRun });
  return { ...done, changes, steps, diagnostics, durationMs };
}

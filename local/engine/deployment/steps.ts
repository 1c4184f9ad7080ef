import type { StepInfo } from "../events";
import { type DiffKind, type Provider, ProviderError } from "../provider";
import { reveal, withSecretsOf } from "../secrecy";
import type { Operation, ResourceState } from "../state/store";
import type { PropertyMap } from "../values";
import { asFailure, now, type Run, withSlot } from "./run";
import { recordsTheSame, withoutAbsent } from "./states";
import { StepFailure } from "../failure";

/** What all steps on one resource share. */
export interface Target {
  /** Absent for components. */
  readonly provider?: Provider;
  /** Seconds. */
  readonly timeoutSeconds?: number;
  readonly detailed?: Readonly<Record<string, DiffKind>>;
  readonly replaceReasons?: readonly string[];
}

function info(op: StepInfo["op"], target: Target, states: { old?: ResourceState; new?: ResourceState }): StepInfo {
  const state = states.new ?? states.old;
  return {
    op,
    urn: state?.urn ?? "",
    type: state?.type ?? "",
    ...(state?.provider === undefined ? {} : { provider: state.provider }),
    ...states,
    ...(target.detailed === undefined ? {} : { detailedDiff: target.detailed }),
    ...(target.replaceReasons === undefined ? {} : { replaceReasons: target.replaceReasons }),
  };
}

/** Runs `work` between the step's events; `provider` says that it calls one, which only so many steps may at once. */
async function performed<T extends ResourceState | undefined>(
  run: Run,
  step: StepInfo,
  provider: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const body = async (): Promise<T> => {
    run.recorder.emit({ kind: "step-start", step });
    try {
      const done = await work();
      run.recorder.ended(done === undefined ? step : { ...step, new: done });
      return done;
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      run.recorder.emit({ kind: "step-end", step, failed });
      throw asFailure(error, step);
    }
  };
  return provider ? withSlot(run, body) : body();
}

/** Makes the resource; `old` is the state that it takes the place of, if any. */
export function create(
  run: Run,
  op: "create" | "create-replacement",
  goal: ResourceState,
  target: Target,
  old?: ResourceState,
  /** Changes the state along with the record of the new resource. */
  along?: () => Promise<void>,
): Promise<ResourceState> {
  const { provider } = target;
  const step = info(op, target, { new: goal, ...(old === undefined ? {} : { old }) });
  return performed(run, step, provider !== undefined, async () => {
    if (provider === undefined) return record(run, goal, { created: now() }, old, undefined, along);
    const operation = await run.journal.begin("creating", goal);
    const finish = (id: string, outputs: PropertyMap, initErrors?: readonly string[]): Promise<ResourceState> =>
      record(
        run,
        goal,
        { id, outputs, ...(initErrors === undefined ? {} : { initErrors: [...initErrors] }), created: now() },
        old,
        operation,
        along,
      );
    try {
      const { id, outputs } = await provider.create({
        urn: goal.urn,
        type: goal.type,
        inputs: reveal(goal.inputs),
        preview: run.dryRun,
        ...timeout(target),
      });
      return await finish(id, outputs);
    } catch (error) {
      if (error instanceof ProviderError && error.partial !== undefined) {
        await finish(error.partial.id, error.partial.outputs, error.partial.reasons);
      } else if (error instanceof ProviderError) {
        await run.journal.abandon(operation);
      }
      throw error;
    }
  });
}

export function update(run: Run, old: ResourceState, goal: ResourceState, target: Target): Promise<ResourceState> {
  const { provider } = target;
  return performed(run, info("update", target, { old, new: goal }), provider !== undefined, async () => {
    const base = { ...goal, ...(old.id === undefined ? {} : { id: old.id }) };
    if (provider === undefined) return record(run, base, { outputs: old.outputs, ...carried(old) }, old);
    const operation = await run.journal.begin("updating", base);
    const finish = (outputs: PropertyMap, initErrors?: readonly string[]): Promise<ResourceState> =>
      record(
        run,
        base,
        { outputs, ...(initErrors === undefined ? {} : { initErrors: [...initErrors] }), ...carried(old) },
        old,
        operation,
      );
    try {
      const { outputs } = await provider.update({
        urn: goal.urn,
        type: goal.type,
        id: old.id ?? "",
        inputs: reveal(goal.inputs),
        oldInputs: reveal(old.inputs),
        oldOutputs: reveal(old.outputs),
        ignoreChanges: goal.ignoreChanges ?? [],
        preview: run.dryRun,
        ...timeout(target),
      });
      return await finish(outputs);
    } catch (error) {
      if (error instanceof ProviderError && error.partial !== undefined) {
        await finish(error.partial.outputs, error.partial.reasons);
      } else if (error instanceof ProviderError) {
        await run.journal.abandon(operation);
      }
      throw error;
    }
  });
}

/** Nothing to do outside; the state is written only if the program has changed what is recorded. */
export function same(run: Run, old: ResourceState, goal: ResourceState): Promise<ResourceState> {
  return performed(run, info("same", {}, { old, new: goal }), false, async () => {
    const outputs = goal.custom ? withSecretsOf(old.outputs, goal.inputs, goal.additionalSecretOutputs) : old.outputs;
    const kept: ResourceState = withoutAbsent({
      ...goal,
      id: old.id,
      importID: old.importID,
      outputs,
      ...carried(old),
      ...(old.modified === undefined ? {} : { modified: old.modified }),
    });
    const result = recordsTheSame(old, kept) ? old : kept;
    if (result !== old) run.recorder.rewritten++;
    await run.journal.put(result, old);
    return result;
  });
}

/** The replaced logical step: it carries out nothing, and stands for the pair in displays and counts. */
export function replaced(run: Run, old: ResourceState, goal: ResourceState, target: Target): Promise<undefined> {
  return performed(run, info("replace", target, { old, new: goal }), false, async () => undefined);
}

/** What exists already becomes managed, if it is as the program says. */
export function importExisting(
  run: Run,
  goal: ResourceState,
  id: string,
  outputs: PropertyMap,
  target: Target,
  old?: ResourceState,
): Promise<ResourceState> {
  return performed(run, info("import", target, { new: goal }), false, async () => {
    const mismatches = Object.keys(target.detailed ?? {});
    if (mismatches.length > 0) {
      const message =
        `'${id}' differs from the program in ${mismatches.join(", ")}; write these as they are, ` +
        "or name them in ignoreChanges, and change them once it is imported";
      if (!run.dryRun) throw new StepFailure(message, goal.urn);
      run.recorder.diagnostic("warning", `${message}; importing will fail`, goal.urn);
    }
    return record(run, goal, { id, importID: id, outputs, created: now() }, old);
  });
}

/** The live state of a resource that something else manages. */
export function read(run: Run, goal: ResourceState, target: Target, old?: ResourceState): Promise<ResourceState> {
  const { provider } = target;
  const { id } = goal;
  const step = info("read", target, { new: goal, ...(old === undefined ? {} : { old }) });
  return performed(run, step, id !== undefined, async () => {
    if (provider === undefined || id === undefined) return goal;
    const live = await provider.read({ urn: goal.urn, type: goal.type, id, inputs: reveal(goal.inputs), outputs: {} });
    if (live === undefined) throw new StepFailure(`there is no ${goal.type} with the id '${id}'`, goal.urn);
    const outputs = withSecretsOf(live.outputs, goal.inputs, goal.additionalSecretOutputs);
    const found = { ...goal, id: live.id, inputs: live.inputs, outputs };
    const result = old !== undefined && recordsTheSame(old, found) ? old : found;
    await run.journal.put(result, old);
    return result;
  });
}

/** How a deletion leaves the state: `kept` is the state object that stays, of a resource about to be made again. */
export interface Deletion {
  readonly op: "delete" | "delete-replaced" | "discard";
  /** False when the thing itself is left alone: retained, read only, deleted along with something else, or already gone. */
  readonly physical: boolean;
  readonly kept?: ResourceState;
}

export function remove(
  run: Run,
  old: ResourceState,
  deletion: Deletion,
  target: Target,
): Promise<ResourceState | undefined> {
  const { provider } = target;
  const physical = deletion.physical && provider !== undefined && !run.dryRun;
  return performed(run, info(deletion.op, target, { old }), physical, async () => {
    const gone = (operation?: Operation): Promise<void> =>
      deletion.kept === undefined ? run.journal.remove(old, operation) : run.journal.put(deletion.kept, old, operation);
    if (!physical) {
      await gone();
      return undefined;
    }
    const operation = await run.journal.begin("deleting", old);
    try {
      await provider.delete({
        urn: old.urn,
        type: old.type,
        id: old.id ?? "",
        inputs: reveal(old.inputs),
        outputs: reveal(old.outputs),
        ...timeout(target),
      });
    } catch (error) {
      if (error instanceof ProviderError) await run.journal.abandon(operation);
      throw error;
    }
    await gone(operation);
    return undefined;
  });
}

async function record(
  run: Run,
  goal: ResourceState,
  more: Partial<ResourceState>,
  old?: ResourceState,
  operation?: Operation,
  along?: () => Promise<void>,
): Promise<ResourceState> {
  const outputs = goal.custom
    ? withSecretsOf(more.outputs ?? {}, goal.inputs, goal.additionalSecretOutputs)
    : (more.outputs ?? {});
  const id = more.id === "" ? undefined : (more.id ?? goal.id);
  const resource = withoutAbsent({ ...goal, ...more, id, outputs, modified: now() });
  await Promise.all([along?.(), run.journal.put(resource, old, operation)]);
  return resource;
}

const carried = (old: ResourceState): Partial<ResourceState> =>
  old.created === undefined ? {} : { created: old.created };

const timeout = (target: Target): { timeoutSeconds?: number } =>
  target.timeoutSeconds === undefined ? {} : { timeoutSeconds: target.timeoutSeconds };

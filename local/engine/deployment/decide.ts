import { equal } from "../equality";
import { changedPaths, parsePath, touches } from "../paths";
import type { DiffKind, DiffResponse, Provider } from "../provider";
import { reveal } from "../secrecy";
import type { ResourceState } from "../state/store";
import { parseProviderReference, typeOf } from "../urn";
import type { Registration } from "./registration";
import { asFailure, type Run, withSlot } from "./run";

export type Decision =
  | { readonly kind: "same" }
  | { readonly kind: "update"; readonly detailed: Readonly<Record<string, DiffKind>> }
  | {
      readonly kind: "replace";
      readonly detailed: Readonly<Record<string, DiffKind>>;
      readonly reasons: readonly string[];
      readonly deleteFirst: boolean;
    };

/** What must be done so that `old` becomes `goal`. The provider is asked only if something has changed. */
export async function decide(
  run: Run,
  registration: Registration,
  old: ResourceState,
  goal: ResourceState,
  provider: Provider | undefined,
  forced: readonly string[],
): Promise<Decision> {
  const unchanged = equal(old.inputs, goal.inputs);
  const repair = (old.initErrors ?? []).length > 0;
  if (unchanged && !repair && forced.length === 0) return { kind: "same" };
  const inputChanges = Object.fromEntries(changedPaths(old.inputs, goal.inputs));
  if (provider === undefined) return unchanged ? { kind: "same" } : { kind: "update", detailed: inputChanges };

  const diff: DiffResponse = unchanged
    ? { changed: false, replaceKeys: [], detailed: {} }
    : await withSlot(run, () => askProvider(run, registration, old, goal, provider));
  const detailed = diff.changed && Object.keys(diff.detailed).length === 0 ? inputChanges : diff.detailed;
  const reasons = [...forced, ...diff.replaceKeys, ...(diff.changed ? replacedByOption(registration, detailed) : [])];
  if (reasons.length > 0) {
    const deleteFirst = registration.deleteBeforeReplace ?? diff.deleteBeforeReplace ?? false;
    return { kind: "replace", detailed, reasons: [...new Set(reasons)], deleteFirst };
  }
  return diff.changed || repair ? { kind: "update", detailed } : { kind: "same" };
}

async function askProvider(
  run: Run,
  registration: Registration,
  old: ResourceState,
  goal: ResourceState,
  provider: Provider,
): Promise<DiffResponse> {
  try {
    return await provider.diff({
      urn: goal.urn,
      id: old.id ?? "",
      type: goal.type,
      oldInputs: reveal(old.inputs),
      oldOutputs: reveal(old.outputs),
      newInputs: reveal(goal.inputs),
      ignoreChanges: registration.ignoreChanges,
      preview: run.dryRun,
    });
  } catch (error) {
    throw asFailure(error, goal);
  }
}

function replacedByOption({ replaceOnChanges }: Registration, detailed: Readonly<Record<string, DiffKind>>): string[] {
  const patterns = replaceOnChanges.map(parsePath);
  return Object.keys(detailed).filter((changed) => patterns.some((pattern) => touches(pattern, parsePath(changed))));
}

/**
 * Whether the resource moves to a provider that manages other infrastructure, so that it must be replaced. A change between default
 * providers is judged by their configuration; any other change of provider counts.
 */
export async function movesToOtherProvider(
  run: Run,
  old: ResourceState,
  goal: ResourceState,
  formerly: (urn: string) => string,
): Promise<boolean> {
  if (old.provider === undefined || goal.provider === undefined || old.provider === goal.provider) return false;
  const [before, after] = [parseProviderReference(old.provider), parseProviderReference(goal.provider)];
  if (formerly(before.urn) === after.urn && before.id === after.id) return false;
  if (![before, after].every(({ urn }) => isDefaultProvider(urn))) return true;
  const [olds, news] = [run.providers.inputsOf(old.provider), run.providers.inputsOf(goal.provider)];
  const packageName = run.providers.packageOf(goal.provider);
  if (olds === undefined || news === undefined || packageName === undefined) return true;
  const diff = await run.providers.diffConfig(packageName, goal.urn, olds, news);
  return diff === undefined || diff.replaceKeys.length > 0;
}

function isDefaultProvider(urn: string): boolean {
  const name = urn.slice(urn.lastIndexOf("::") + 2);
  return typeOf(urn).startsWith("pulumi:providers:") && (name === "default" || name.startsWith("default_"));
}

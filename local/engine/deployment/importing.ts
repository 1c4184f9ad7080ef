import { StepFailure } from "../failure";
import { withIgnored } from "../paths";
import { reveal, withSecretsOf } from "../secrecy";
import type { ResourceState } from "../state/store";
import type { Registration } from "./registration";
import { asFailure, type Run } from "./run";
import { importExisting, type Target } from "./steps";

/**
 * Takes over what exists under `id`, having compared it with the program. `setAside` makes room when the resource's URN is taken.
 * @throws {StepFailure} when there is nothing of that id, or, outside previews, when it differs
 */
export async function takeOver(
  run: Run,
  registration: Registration,
  goal: ResourceState,
  id: string,
  target: Target,
  setAside: () => Promise<void>,
): Promise<ResourceState> {
  const { provider } = target;
  const { urn, type } = goal;
  if (provider === undefined)
    throw new StepFailure("a component cannot be imported; only resources of a provider can", urn);
  try {
    const live = await provider.read({ urn, type, id, inputs: {}, outputs: {} });
    if (live === undefined) throw new StepFailure(`cannot import '${id}': there is no ${type} with that id`, urn);
    const { ignoreChanges } = registration;
    const wanted = withIgnored(goal.inputs, live.inputs, ignoreChanges);
    const diff = await provider.diff({
      urn,
      id,
      type,
      oldInputs: live.inputs,
      oldOutputs: live.outputs,
      newInputs: reveal(wanted),
      ignoreChanges,
      preview: run.dryRun,
    });
    await setAside();
    const inputs = withSecretsOf(wanted, goal.inputs);
    return await importExisting(run, { ...goal, inputs }, id, live.outputs, {
      ...target,
      detailed: diff.changed ? diff.detailed : {},
    });
  } catch (error) {
    throw asFailure(error, goal);
  }
}

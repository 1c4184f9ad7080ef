import { deleteAll } from "./deployment/deletions";
import { settlePending } from "./deployment/pending";
import type { RunResult } from "./operations";
import { overState, type StateOptions } from "./over-state";

export type DestroyOptions = StateOptions;

/** Deletes everything that is in the stack's state, dependents first. The program is not run. */
export function destroy(options: DestroyOptions): Promise<RunResult> {
  return overState(
    {
      kind: "destroy",
      work: async (run, base) => deleteAll(run, (await settlePending(run, base)).resources),
      isNothing: (_plan, { resources, pendingOperations }) => resources.length + pendingOperations.length === 0,
    },
    options,
  );
}

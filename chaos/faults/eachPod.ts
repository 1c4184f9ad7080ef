import type { Ground } from "../ground";
import type { UndoRecord } from "./fault";
import { onlyPods, podNow, type PodVictim } from "./pods";

/**
 * Undoes what was done to each pod that is still there: one that cannot be undone does not keep the others from it.
 *
 * @returns what was said of each
 * @throws with what went wrong, once all have been tried
 */
export async function undoEach(
  { victims }: UndoRecord,
  ground: Ground,
  undo: (pod: PodVictim) => Promise<string>,
): Promise<string> {
  const said: string[] = [];
  const wrong: string[] = [];
  for (const pod of onlyPods(victims)) {
    try {
      said.push((await podNow(pod, ground)) === undefined ? `pod ${pod.name} is gone` : await undo(pod));
    } catch (error) {
      wrong.push(`pod ${pod.namespace}/${pod.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join("; "));
  return said.join("; ");
}

import type { ResourceState } from "../state/store";
import { referencesOf } from "./olds";

/**
 * Deletes `resources`, given in the order of a snapshot (whatever a resource names stands before it): each once all that
 * name it are gone, and otherwise at the same time. After a failure, what the failed one names stays; the rest goes on
 * as far as `one` lets it. Rejects with the first failure when all is at rest.
 */
export async function inReverseOrder(
  resources: readonly ResourceState[],
  one: (resource: ResourceState) => Promise<void>,
): Promise<void> {
  const byUrn = new Map<string, number[]>();
  resources.forEach(({ urn }, i) => byUrn.set(urn, [...(byUrn.get(urn) ?? []), i]));
  const names = resources.map((resource, i) =>
    [...referencesOf(resource)].flatMap((urn) => byUrn.get(urn) ?? []).filter((j) => j < i),
  );
  const waitingFor = resources.map(() => 0);
  for (const list of names) for (const j of list) waitingFor[j] = (waitingFor[j] ?? 0) + 1;

  await new Promise<void>((resolve, reject) => {
    let active = 0;
    const failures: unknown[] = [];
    const settle = (): void => {
      if (active > 0) return;
      if (failures.length > 0) reject(failures[0] instanceof Error ? failures[0] : new Error(String(failures[0])));
      else resolve();
    };
    const start = (i: number): void => {
      const resource = resources[i];
      if (resource === undefined) return;
      active++;
      one(resource)
        .then(() => {
          for (const j of names[i] ?? []) {
            const left = (waitingFor[j] ?? 0) - 1;
            waitingFor[j] = left;
            if (left === 0) start(j);
          }
        })
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          active--;
          settle();
        });
    };
    const ready = resources.flatMap((_, i) => (waitingFor[i] === 0 ? [i] : []));
    for (const i of ready.reverse()) start(i);
    settle();
  });
}

import { get, type Target } from "../apply";
import type { ApiClient } from "../connection/client";
import { isJsonMap, mapsAt, namespaceOf, type JsonMap } from "../object";
import { relatedPath, ruleFor } from "./await";
import type { Verdict } from "./verdict";

export interface Inspection {
  readonly object: JsonMap;
  /** Absent for an object that is never waited for. */
  readonly verdict?: Verdict;
}

/** One look at an object, by the rules that `up` waits by. `undefined` when it does not exist. */
export async function inspect(client: ApiClient, target: Target): Promise<Inspection | undefined> {
  const object = await get(client, target);
  if (object === undefined) return undefined;
  const rule = await ruleFor(object, client);
  if (rule === undefined) return { object };
  const seen = new Map<string, readonly JsonMap[]>();
  await Promise.all(
    rule.related.map(async (kind) => {
      const { body } = await client.request({ method: "GET", path: relatedPath(kind, namespaceOf(object)) });
      seen.set(kind, mapsAt(body, "items").filter(isJsonMap));
    }),
  );
  const of = (kind: string): readonly JsonMap[] => seen.get(kind) ?? [];
  const verdict = rule.judge({
    object,
    pods: of("pods"),
    events: of("events").filter((event) => event["type"] === "Warning"),
    related: [...of("replicasets"), ...of("endpointslices")],
  });
  return { object, verdict };
}

import data from "./apis.json";
import type { KubernetesObject } from "./object";

/** A version of an API that is on its way out. An entry of `apis.json`. */
export interface OldApi {
  /** `policy/v1beta1` */
  readonly api: string;
  /** `*` stands for all. */
  readonly kinds: readonly string[];
  /** Version of Kubernetes that deprecated it. */
  readonly deprecated: string;
  /** First version of Kubernetes without it. @default none has been named */
  readonly removed?: string;
  readonly instead: string;
}

const BY_API = new Map<string, OldApi[]>();
for (const entry of data as readonly OldApi[]) BY_API.set(entry.api, [...(BY_API.get(entry.api) ?? []), entry]);

/** The entry of an object's own version and kind. */
export function oldApiOf({ apiVersion, kind }: Pick<KubernetesObject, "apiVersion" | "kind">): OldApi | undefined {
  return BY_API.get(apiVersion ?? "")?.find(({ kinds }) => kinds.includes(kind) || kinds.includes("*"));
}

/** Whether Kubernetes `version` is `since` or later; both `1.34`. */
export function isSince(version: string, since: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split(".").map(Number);
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

import type { KubernetesObject } from "./object";
import { at, type Value } from "./value";

/** Pulumi's types that install a chart. */
export const CHART_TYPES = [
  "kubernetes:helm.sh/v2:Chart",
  "kubernetes:helm.sh/v3:Chart",
  "kubernetes:helm.sh/v3:Release",
  "kubernetes:helm.sh/v4:Chart",
];

export interface Chart {
  /** Name in a repository, address, or path. */
  readonly chart: Value | undefined;
  readonly version: Value | undefined;
  /** Address of the repository. */
  readonly repository: Value | undefined;
  readonly values: Value | undefined;
}

/** Releases and charts of version 4 name the repository in `repositoryOpts`, older charts in `fetchOpts`. */
export function chartOf({ fields }: KubernetesObject): Chart {
  return {
    chart: at(fields, "chart"),
    version: at(fields, "version"),
    repository: at(fields, "repositoryOpts", "repo") ?? at(fields, "fetchOpts", "repo"),
    values: at(fields, "values"),
  };
}

import type { CheckFailure } from "../../provider";
import { isMap, type PropertyMap } from "../../values";
import { annotation, isUnknown, type JsonMap } from "./object";

export const SKIP_AWAIT = "pulumi.com/skipAwait";
export const TIMEOUT = "pulumi.com/timeoutSeconds";
export const PATCH_FORCE = "pulumi.com/patchForce";
export const PATCH_MANAGER = "pulumi.com/patchFieldManager";
export const PROPAGATION = "pulumi.com/deletionPropagationPolicy";

/** Seconds; that of pulumi-kubernetes. */
export const DEFAULT_TIMEOUT = 600;

const propagations: Readonly<Record<string, string>> = {
  background: "Background",
  foreground: "Foreground",
  orphan: "Orphan",
};

/** What becomes of the objects that a deleted one owns. @default Background */
export const propagationOf = (object: JsonMap): string =>
  propagations[annotation(object, PROPAGATION).toLowerCase()] ?? "Background";

/** Seconds: `customTimeouts`, then the annotation, then the default. */
export function timeoutOf(given: number | undefined, object: JsonMap): number {
  if (given !== undefined && given > 0) return given;
  const annotated = Number(annotation(object, TIMEOUT));
  return annotated > 0 ? annotated : DEFAULT_TIMEOUT;
}

/** What is wrong with the annotations that this provider reads. */
export function annotationFailures(metadata: PropertyMap): CheckFailure[] {
  const annotations = metadata["annotations"];
  if (annotations === undefined || !isMap(annotations)) return [];
  const failures: CheckFailure[] = [];
  const fail = (key: string, reason: string): void =>
    void failures.push({ property: `metadata.annotations["${key}"]`, reason });
  const timeout = annotations[TIMEOUT];
  if (timeout !== undefined && !isUnknown(timeout) && !(Number(timeout) > 0)) {
    fail(TIMEOUT, `must be a number of seconds above 0, is ${JSON.stringify(timeout)}`);
  }
  const propagation = annotations[PROPAGATION];
  if (typeof propagation === "string" && !(propagation.toLowerCase() in propagations)) {
    fail(PROPAGATION, `must be ${Object.keys(propagations).join(", ")}, is "${propagation}"`);
  }
  for (const key of [SKIP_AWAIT, PATCH_FORCE]) {
    const value = annotations[key];
    if (value !== undefined && !isUnknown(value) && value !== "true" && value !== "false") {
      fail(key, `must be "true" or "false" (as text), is ${JSON.stringify(value)}`);
    }
  }
  return failures;
}

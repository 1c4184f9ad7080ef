import type { KubernetesObject } from "./object";
import { at, elements, show, Unknown, type Value } from "./value";

/** A volume that outlives its pods: a PersistentVolumeClaim, or a template of one. */
export interface Claim {
  /** Of the template; of a claim by itself none. */
  readonly name: string | undefined;
  readonly annotations: Value | undefined;
  readonly spec: Value | undefined;
}

export const CLAIMING_KINDS: readonly string[] = ["PersistentVolumeClaim", "StatefulSet"];

/** The claims of an object; a template that a preview does not know is given back as it is. */
export function claimsOf(object: KubernetesObject): (Claim | Unknown)[] {
  const { kind, fields } = object;
  if (kind === "PersistentVolumeClaim") {
    return [{ name: undefined, annotations: at(fields, "metadata", "annotations"), spec: at(fields, "spec") }];
  }
  const templates = at(fields, "spec", "volumeClaimTemplates");
  if (templates instanceof Unknown) return [templates];
  return elements(templates).map((template) =>
    template instanceof Unknown
      ? template
      : {
          name: show(at(template, "metadata", "name")),
          annotations: at(template, "metadata", "annotations"),
          spec: at(template, "spec"),
        },
  );
}

/** How messages name a claim, with the space after it; nothing for an object that is the claim itself. */
export const claimPrefix = ({ name }: Claim): string => (name === undefined ? "" : `volume claim '${name}': `);

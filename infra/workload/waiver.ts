/** Leaving out something that the builder gives to every workload. It takes a reason, which is written on the object. */
export interface Waiver {
  /** A whole sentence; shown as an annotation of the workload. */
  readonly waived: string;
}

export function isWaiver(value: object): value is Waiver {
  return "waived" in value;
}

/**
 * The annotation that keeps a waiver's reason in sight.
 *
 * @throws when the reason says nothing
 */
export function waiverAnnotation(what: string, waiver: Waiver): Record<string, string> {
  if (waiver.waived.trim().length < 10) {
    throw new Error(`the waiver of ${what} has the reason "${waiver.waived}"; write a sentence of at least 10 letters`);
  }
  return { [`ballast.dev/waived-${what}`]: waiver.waived };
}

import { CLAIMING_KINDS, claimPrefix, claimsOf } from "../claim";
import limits from "../limits.json";
import type { ObjectRule } from "../rule";
import { at, reasonIn, Unknown } from "../value";

const { backup: BACKUP } = limits.annotations;

export const storageBackedUp: ObjectRule = {
  name: "storage-backed-up",
  description: "Every volume that outlives its pods says what backs it up, or why nothing does.",
  severity: "high",
  references: [{ framework: "Kubernetes documentation", control: "Volume Snapshots" }],
  remediation: `Add the annotation ${BACKUP} to the claim, its template or the StatefulSet: what backs it up and how often, or 'none: ' and a reason.`,
  scope: "object",
  kinds: CLAIMING_KINDS,
  *check(object) {
    const whole = reasonIn(at(object.fields, "metadata", "annotations"), BACKUP);
    for (const claim of claimsOf(object)) {
      if (claim instanceof Unknown) {
        yield { unknown: claim };
        continue;
      }
      const stated = reasonIn(claim.annotations, BACKUP) ?? whole;
      if (stated instanceof Unknown) yield { unknown: stated };
      else if (stated === undefined) {
        yield {
          breach: `${claimPrefix(claim)}the annotation ${BACKUP} is missing; say what backs the volume up, or 'none: ' and why`,
        };
      } else if (/^none\b\W*$/i.test(stated)) {
        yield { breach: `${claimPrefix(claim)}the annotation ${BACKUP} is '${stated}', without a reason; add one` };
      }
    }
  },
};

import limits from "../limits.json";
import { ANY_OBJECT } from "../object";
import type { ObjectRule } from "../rule";
import { at, Unknown } from "../value";
import { WORKLOAD_KINDS } from "../workload";

const { every, workload } = limits.labels;

export const labelsAndOwner: ObjectRule = {
  name: "labels-and-owner",
  description:
    "Every object says what it is part of and what manages it, and every workload also what it is and which team owns it.",
  severity: "low",
  references: [{ framework: "Kubernetes documentation", control: "Recommended Labels" }],
  remediation: `Set metadata.labels: ${every.join(", ")}; on workloads also ${workload.join(", ")}.`,
  scope: "object",
  kinds: [ANY_OBJECT],
  *check({ kind, fields }) {
    const labels = at(fields, "metadata", "labels");
    if (labels instanceof Unknown) {
      yield { unknown: labels };
      return;
    }
    const missing: string[] = [];
    for (const name of WORKLOAD_KINDS.includes(kind) ? [...every, ...workload] : every) {
      const value = at(labels, name);
      if (value instanceof Unknown) yield { unknown: value };
      else if (value === undefined || value === "") missing.push(name);
    }
    if (missing.length > 0)
      yield { breach: `metadata.labels lacks ${missing.join(", ")}; add ${missing.length > 1 ? "them" : "it"}` };
  },
};

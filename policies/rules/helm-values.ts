import { CHART_TYPES, chartOf } from "../helm";
import { parseImage } from "../image";
import type { Finding, ObjectRule } from "../rule";
import { at, isList, isMap, show, Unknown, type Value } from "../value";
import { RESOURCES } from "../ceilings";

/** Values that every chart knows by these names, with what they may not be. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  privileged: "gives the container the rights of its node",
  allowPrivilegeEscalation: "lets a process gain more rights than it started with",
  hostNetwork: "gives the pod its node's network",
  hostPID: "shows the pod every process of its node",
  hostIPC: "gives the pod its node's shared memory",
};

interface Seen {
  /** Whether there is a block of resources at all. */
  resources: boolean;
}

function* sizes(place: string, block: Value): Generator<Finding> {
  const missing = ["requests", "limits"].flatMap((kind) =>
    RESOURCES.filter((resource) => at(block, kind, resource) === undefined).map((resource) => `${kind}.${resource}`),
  );
  if (missing.length > 0)
    yield { breach: `${place} lacks ${missing.join(", ")}; set ${missing.length > 1 ? "them" : "it"}` };
}

function* walk(place: string, value: Value | undefined, seen: Seen): Generator<Finding> {
  if (value instanceof Unknown) yield { unknown: value };
  if (isList(value)) for (const [index, item] of value.entries()) yield* walk(`${place}.${index}`, item, seen);
  for (const [key, part] of Object.entries(isMap(value) ? value : {})) {
    const field = `${place}.${key}`;
    if (key === "resources" && isMap(part)) {
      seen.resources = true;
      // A list of the API's resources, as in a role, has none of the two.
      yield* sizes(field, part);
    } else {
      const why = part === true ? FORBIDDEN[key] : undefined;
      if (why !== undefined) yield { breach: `${field} is true, which ${why}; remove it` };
      if (key === "tag" && part === "latest") yield { breach: `${field} is 'latest'; name a version` };
      if (key === "image" && typeof part === "string" && parseImage(part)?.tag === "latest") {
        yield { breach: `${field} '${part}' is whatever was pushed last; name a version` };
      }
      yield* walk(field, part, seen);
    }
  }
}

export const helmValues: ObjectRule = {
  name: "helm-values",
  description:
    "A chart's values size its containers, name no image by 'latest', and give no pod its node's rights: what the chart renders is not seen before it runs.",
  severity: "medium",
  references: [{ framework: "Helm documentation", control: "Chart Best Practices: Values" }],
  remediation: "Set resources.requests and resources.limits in the chart's values, for each of its components.",
  scope: "object",
  kinds: CHART_TYPES,
  *check(object) {
    const seen: Seen = { resources: false };
    const { values } = chartOf(object);
    const found = [...walk("values", values, seen)];
    yield* found;
    if (seen.resources || found.some((finding) => "unknown" in finding)) return;
    yield {
      breach: `values sizes no container (chart ${show(chartOf(object).chart)}); set resources.requests and resources.limits`,
    };
  },
};

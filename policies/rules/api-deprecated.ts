import { isSince, oldApiOf } from "../api";
import { ENVIRONMENT_SETTING, environmentOf } from "../ceilings";
import { ANY_OBJECT } from "../object";
import type { ObjectRule } from "../rule";

export const apiDeprecated: ObjectRule = {
  name: "api-deprecated",
  description:
    "No object is of an API version that Kubernetes has deprecated, so that an upgrade of the cluster breaks nothing.",
  severity: "low",
  references: [{ framework: "Kubernetes documentation", control: "Deprecated API Migration Guide" }],
  remediation: "Declare it by the version that the message names, before the cluster is upgraded.",
  config: ENVIRONMENT_SETTING,
  scope: "object",
  kinds: [ANY_OBJECT],
  *check(object, { environment }) {
    const old = oldApiOf(object);
    const version = environmentOf(environment)?.kubernetes;
    if (old === undefined || version === undefined || !isSince(version, old.deprecated)) return;
    // What is gone altogether is for the rule on removed versions to say.
    if (old.removed !== undefined && isSince(version, old.removed)) return;
    const end = old.removed === undefined ? "" : ` and is removed in ${old.removed}`;
    yield {
      breach: `${old.api} ${object.kind} has been deprecated since Kubernetes ${old.deprecated}${end}; use ${old.instead}`,
    };
  },
};

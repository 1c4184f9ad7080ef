import { isSince, oldApiOf } from "../api";
import { ENVIRONMENT_SETTING, environmentOf, noEnvironment } from "../ceilings";
import { ANY_OBJECT } from "../object";
import type { ObjectRule } from "../rule";

const NAME = "api-removed";

export const apiRemoved: ObjectRule = {
  name: NAME,
  description: "No object is of an API version that the environment's Kubernetes no longer has.",
  severity: "high",
  references: [{ framework: "Kubernetes documentation", control: "Deprecated API Migration Guide" }],
  remediation: "Declare it by the version that the message names; its fields may differ.",
  config: ENVIRONMENT_SETTING,
  scope: "object",
  kinds: [ANY_OBJECT],
  *check(object, { environment }) {
    const old = oldApiOf(object);
    if (old?.removed === undefined) return;
    const version = environmentOf(environment)?.kubernetes;
    if (version === undefined) yield { breach: noEnvironment(environment, "version of Kubernetes is", NAME) };
    else if (isSince(version, old.removed)) {
      yield {
        breach: `${old.api} ${object.kind} was removed in Kubernetes ${old.removed}, and environment '${environment}' has ${version}; use ${old.instead}`,
      };
    }
  },
};

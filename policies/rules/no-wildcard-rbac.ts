import type { KubernetesObject } from "../object";
import type { Finding, ObjectRule } from "../rule";
import { at, elements, show, Unknown, unknownIn } from "../value";

const FIELDS = ["apiGroups", "resources", "verbs", "nonResourceURLs"];
/** Each lets its holder give itself any right. */
const ESCALATING = ["escalate", "bind", "impersonate"];
const ANYBODY = ["system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"];

function* role({ fields }: KubernetesObject): Generator<Finding> {
  const rules = at(fields, "rules");
  if (rules instanceof Unknown) yield { unknown: rules };
  for (const [index, rule] of elements(rules).entries()) {
    for (const field of FIELDS) {
      const values = at(rule, field);
      const unknown = unknownIn(values);
      if (unknown !== undefined) yield { unknown };
      if (elements(values).includes("*")) {
        yield {
          breach: `rules.${index}.${field} is '*', which also grants what will be added later; list what is needed`,
        };
      }
    }
    for (const verb of elements(at(rule, "verbs"))) {
      if (typeof verb === "string" && ESCALATING.includes(verb)) {
        yield {
          breach: `rules.${index}.verbs holds '${verb}', with which its holder can give itself any right; remove it`,
        };
      }
    }
  }
}

function* binding({ fields }: KubernetesObject): Generator<Finding> {
  const name = at(fields, "roleRef", "name");
  if (name instanceof Unknown) yield { unknown: name };
  else if (name === "cluster-admin") {
    yield { breach: "roleRef is cluster-admin, which may do everything; bind a role that lists what is needed" };
  }
  const subjects = at(fields, "subjects");
  const unknown = unknownIn(subjects);
  if (unknown !== undefined) yield { unknown };
  for (const subject of elements(subjects)) {
    const who = at(subject, "name");
    if (typeof who === "string" && ANYBODY.includes(who)) {
      yield { breach: `its subject is ${show(who)}, which is almost anybody; name the account that needs it` };
    }
  }
}

export const noWildcardRbac: ObjectRule = {
  name: "no-wildcard-rbac",
  description: "Roles list what they allow, without wildcards, and nobody is bound to cluster-admin.",
  severity: "critical",
  references: [
    { framework: "CIS Kubernetes Benchmark", control: "5.1.1, 5.1.3, 5.1.8" },
    { framework: "Kubernetes documentation", control: "Role Based Access Control Good Practices" },
  ],
  remediation: "List API groups, resources and verbs; narrow them by resourceNames where the names are known.",
  scope: "object",
  kinds: ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
  *check(object) {
    yield* object.kind.endsWith("Binding") ? binding(object) : role(object);
  },
};

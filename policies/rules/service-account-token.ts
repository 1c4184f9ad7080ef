import limits from "../limits.json";
import type { KubernetesObject } from "../object";
import type { Finding, ObjectRule } from "../rule";
import { at, reasonIn, show, Unknown } from "../value";
import { toWorkload, WORKLOAD_KINDS } from "../workload";

const { apiAccess } = limits.annotations;
const FIELD = "automountServiceAccountToken";

function* account({ fields }: KubernetesObject): Generator<Finding> {
  const mounts = at(fields, FIELD);
  if (mounts instanceof Unknown) yield { unknown: mounts };
  else if (mounts !== false) {
    yield {
      breach: `${FIELD} is ${mounts === undefined ? "missing, which means true" : show(mounts)}; set it to false, and to true only on the pods that call the API server`,
    };
  }
}

function* pods(object: KubernetesObject): Generator<Finding> {
  const { podSpec } = toWorkload(object);
  const mounts = at(podSpec, FIELD);
  if (mounts instanceof Unknown) yield { unknown: mounts };
  if (mounts === false || mounts instanceof Unknown) return;
  const reason = reasonIn(at(object.fields, "metadata", "annotations"), apiAccess);
  if (reason instanceof Unknown) {
    yield { unknown: reason };
  } else if (reason === undefined) {
    const state = mounts === undefined ? "missing, which means true" : show(mounts);
    yield {
      breach: `${FIELD} is ${state}; set it to false, or say in the annotation ${apiAccess} what the token is for`,
    };
    return;
  }
  const name = at(podSpec, "serviceAccountName");
  if (name instanceof Unknown) yield { unknown: name };
  else if (name === undefined || name === "default") {
    yield { breach: "it has a token of the namespace's default account; give it an account of its own" };
  }
}

export const serviceAccountToken: ObjectRule = {
  name: "service-account-token",
  description:
    "No pod gets a token for the API server, unless it says what for, and then it is that of an account of its own.",
  severity: "high",
  references: [
    { framework: "CIS Kubernetes Benchmark", control: "5.1.5, 5.1.6" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Protecting Pod service account tokens" },
  ],
  remediation: `Set ${FIELD}: false on the account and the pod; where the pod needs one, set it to true there with the annotation ${apiAccess} on the workload.`,
  scope: "object",
  kinds: [...WORKLOAD_KINDS, "ServiceAccount"],
  *check(object) {
    yield* object.kind === "ServiceAccount" ? account(object) : pods(object);
  },
};

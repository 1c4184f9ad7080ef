import { type Ceilings, ceilingsOf, ENVIRONMENTS, RESOURCES } from "./ceilings";
import { concerns, type Exemption, isExpired } from "./exemption";
import { DIGEST, PATH, TAG } from "./image";
import { levelIn, type Levels } from "./level";
import limits from "./limits.json";
import type { Rule } from "./rule";

/**
 * The rules that one pod decides, as expressions of the API server (CEL), from the same data. Made into ValidatingAdmissionPolicies they
 * hold for whatever did not come by Pulumi.
 */

/** A kind as a ValidatingAdmissionPolicy matches it. */
export interface MatchKind {
  /** Empty for the core group. */
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** `pods`, `pods/ephemeralcontainers` */
  readonly resource: string;
}

export interface AdmissionRule {
  /** Unique; the rule's name and the shape of object: `image-pinned-template`. */
  readonly name: string;
  /** Where the pod stands in the objects that it matches. */
  readonly shape: Shape["name"];
  /** Name of the rule in the pack. */
  readonly rule: string;
  /** `mandatory` is to be denied, `advisory` to be warned of. */
  readonly level: "advisory" | "mandatory";
  readonly matchKinds: readonly MatchKind[];
  /** True when the object is admitted. Stands by itself: no variables and no parameters. */
  readonly expression: string;
  readonly message: string;
}

export interface AdmissionOptions {
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
  readonly levels: Levels;
  /** Environment whose ceilings and levels hold. */
  readonly environment: string;
  /** Project and stack whose exemptions hold. */
  readonly project: string;
  readonly stack: string;
  /** `YYYY-MM-DD`: exemptions that have expired by then are left out. The API server does not know the date, so a later run must. */
  readonly today: string;
}

/** A kind of object with a pod in it, and where that is. */
interface Shape {
  readonly name: "pod" | "template" | "cronjob";
  readonly pod: string;
  readonly matchKinds: readonly MatchKind[];
}

const kind = (apiGroup: string, name: string, resource = `${name.toLowerCase()}s`): MatchKind => ({
  apiGroup,
  apiVersion: "v1",
  kind: name,
  resource,
});

const SHAPES: readonly Shape[] = [
  { name: "pod", pod: "object.spec", matchKinds: [kind("", "Pod"), kind("", "Pod", "pods/ephemeralcontainers")] },
  {
    name: "template",
    pod: "object.spec.template.spec",
    matchKinds: [
      ...["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].map((name) => kind("apps", name)),
      kind("batch", "Job"),
    ],
  },
  { name: "cronjob", pod: "object.spec.jobTemplate.spec.template.spec", matchKinds: [kind("batch", "CronJob")] },
];

/** A text of the expression's own, and a list of them. */
const text = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const list = (values: readonly string[]): string => `[${values.map(text).join(", ")}]`;
const pattern = (regularExpression: string): string => `r'${regularExpression}'`;

/** Whether all fields of `path` are there: reading one that is not is an error. */
const has = (base: string, ...path: readonly string[]): string =>
  path.map((_, index) => `has(${[base, ...path.slice(0, index + 1)].join(".")})`).join(" && ");

/** The value that counts of a field of the security context: the container's own, else the pod's. */
function effective(pod: string, path: readonly string[], test: (value: string) => string): string {
  const field = ["securityContext", ...path];
  const at = (base: string): string => [base, ...field].join(".");
  return `(${has("c", ...field)} ? ${test(at("c"))} : (${has(pod, ...field)} && ${test(at(pod))}))`;
}

const without = (capability: string): readonly string[] => [capability, `CAP_${capability}`];

type OnContainer = (pod: string, ceilings: Ceilings) => string;

/** What must hold of a container `c`. */
const ON_CONTAINERS: Readonly<Record<string, OnContainer>> = {
  "container-resources-set": () =>
    ["requests", "limits"]
      .flatMap((part) => [
        has("c", "resources", part),
        `${list(RESOURCES)}.all(r, r in c.resources.${part} && quantity(c.resources.${part}[r]).isGreaterThan(quantity('0')))`,
      ])
      .join(" && "),
  "container-resources-ceiling": (_pod, ceilings) =>
    ["requests", "limits"]
      .flatMap((part) =>
        RESOURCES.map(
          (resource) =>
            `(!(${has("c", "resources", part)}) || !(${text(resource)} in c.resources.${part}) || ` +
            `!quantity(c.resources.${part}[${text(resource)}]).isGreaterThan(quantity(${text(ceilings[resource].text)})))`,
        ),
      )
      .join(" && "),
  "image-pinned": () =>
    `(c.image.matches(${pattern(`^${PATH}(:${TAG})?@${DIGEST}$`)}) || ` +
    `(c.image.matches(${pattern(`^${PATH}:${TAG}$`)}) && !c.image.endsWith(':latest')))`,
  "image-digest": () =>
    `(c.image.matches(${pattern(`@${DIGEST}$`)}) || ${list(limits.images.immutableTags)}.exists(p, c.image.startsWith(p)))`,
  "allowed-registries": () => `${list(limits.images.registries)}.exists(p, c.image.startsWith(p))`,
  "run-as-non-root": (pod) =>
    `${effective(pod, ["runAsNonRoot"], (value) => `${value} == true`)} && ` +
    `!${effective(pod, ["runAsUser"], (value) => `${value} == 0`)}`,
  "no-privilege-escalation": () =>
    `${has("c", "securityContext", "allowPrivilegeEscalation")} && !c.securityContext.allowPrivilegeEscalation && ` +
    `!(${has("c", "securityContext", "privileged")} && c.securityContext.privileged) && ` +
    `!(${has("c", "securityContext", "capabilities", "add")} && c.securityContext.capabilities.add.exists(x, x in ${list(
      limits.security.rootCapabilities.flatMap(without),
    )}))`,
  "dropped-capabilities": () =>
    `${has("c", "securityContext", "capabilities", "drop")} && 'ALL' in c.securityContext.capabilities.drop && ` +
    `(!has(c.securityContext.capabilities.add) || c.securityContext.capabilities.add.all(x, x in ${list(
      limits.security.addableCapabilities.flatMap(without),
    )}))`,
  seccomp: (pod) =>
    effective(pod, ["seccompProfile", "type"], (value) => `${value} in ${list(limits.security.seccompProfiles)}`),
  "read-only-root": () =>
    `${has("c", "securityContext", "readOnlyRootFilesystem")} && c.securityContext.readOnlyRootFilesystem`,
  "no-host-port": () => `(!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))`,
};

/** What must hold of a pod as a whole. */
const ON_PODS: Readonly<Record<string, (pod: string) => string>> = {
  "no-host-namespaces": (pod) =>
    ["hostNetwork", "hostPID", "hostIPC"].map((field) => `!(has(${pod}.${field}) && ${pod}.${field})`).join(" && "),
  "no-host-path": (pod) => `(!has(${pod}.volumes) || ${pod}.volumes.all(v, !has(v.hostPath)))`,
};

/** Names of the rules that the API server can enforce as well. */
export const ADMISSION_RULES: readonly string[] = [...Object.keys(ON_CONTAINERS), ...Object.keys(ON_PODS)];

/** What Kubernetes itself makes from a kind, and how it names that. */
const OFFSPRING: Readonly<Record<string, { readonly kind: string; readonly suffix: string }>> = {
  Deployment: { kind: "ReplicaSet", suffix: "-[a-z0-9]+" },
  CronJob: { kind: "Job", suffix: "-[0-9]+" },
};

const owned = (test: string): string =>
  `(has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller && ${test}))`;

/** Whether the object is the one that an exemption names, or was made from it. */
function isExempted({ kind: of, name, namespace }: Exemption, shape: Shape): string {
  const tests: string[] = [];
  const offspring = OFFSPRING[of];
  if (shape.matchKinds.some((each) => each.kind === of)) {
    tests.push(`(object.kind == ${text(of)} && has(object.metadata.name) && object.metadata.name == ${text(name)})`);
  }
  if (shape.name === "template" && offspring !== undefined) {
    tests.push(owned(`o.kind == ${text(of)} && o.name == ${text(name)}`));
  }
  if (shape.name === "pod") {
    tests.push(owned(`o.kind == ${text(of)} && o.name == ${text(name)}`));
    if (offspring !== undefined) {
      const made = `^${name.replaceAll(".", "\\.")}${offspring.suffix}$`;
      tests.push(owned(`o.kind == ${text(offspring.kind)} && o.name.matches(${pattern(made)})`));
    }
  }
  if (tests.length === 0) return "false";
  const where = namespace === undefined ? "" : `request.namespace == ${text(namespace)} && `;
  return `(${where}(${tests.join(" || ")}))`;
}

const either = (tests: readonly string[]): string => tests.filter((test) => test !== "false").join(" || ");

function expressionOf(rule: Rule, shape: Shape, exemptions: readonly Exemption[], ceilings: Ceilings): string {
  const { pod } = shape;
  const whole = exemptions.filter(({ container }) => container === undefined).map((each) => isExempted(each, shape));
  // What is being deleted must be let go, whatever it looks like.
  const excused = either(["has(object.metadata.deletionTimestamp)", ...whole]);
  const onPod = ON_PODS[rule.name];
  if (onPod !== undefined) return `${excused} || (${onPod(pod)})`;

  const onContainer = ON_CONTAINERS[rule.name];
  if (onContainer === undefined || rule.scope !== "container") throw new Error(`no expression for rule '${rule.name}'`);
  const some = exemptions.flatMap((each) => {
    const test = each.container === undefined ? "false" : isExempted(each, shape);
    return test === "false" ? [] : [`(c.name == ${text(each.container ?? "")} && ${test})`];
  });
  const holds = either([...some, `(${onContainer(pod, ceilings)})`]);
  const lists = ["containers", "initContainers", ...(shape.name === "pod" ? ["ephemeralContainers"] : [])].filter(
    (name) => name !== "ephemeralContainers" || rule.roles.includes("ephemeral"),
  );
  const all = lists.map((name) => `(!has(${pod}.${name}) || ${pod}.${name}.all(c, ${holds}))`);
  return `${excused} || (${all.join(" && ")})`;
}

/**
 * The expressions of an environment, one for each rule and shape of object. Rules that the environment has switched off are left out; an
 * exemption holds for the object of its name, not for the logical name of a program.
 * @throws when the environment is none.
 */
export function admissionRules(options: AdmissionOptions): AdmissionRule[] {
  const { environment, exemptions, levels, rules, today } = options;
  const ceilings = ceilingsOf(environment);
  if (ceilings === undefined) {
    throw new Error(`'${environment}' is no environment of policies/limits.json; they are ${ENVIRONMENTS.join(", ")}`);
  }
  const current = exemptions.filter((each) => !isExpired(each, today) && concerns(each, options));
  return rules
    .filter(({ name }) => ADMISSION_RULES.includes(name))
    .flatMap((rule) => {
      const level = levelIn(levels, environment, rule.name);
      if (level === "disabled") return [];
      const own = current.filter((each) => each.rule === rule.name);
      return SHAPES.map((shape) => ({
        name: `${rule.name}-${shape.name}`,
        shape: shape.name,
        rule: rule.name,
        level,
        matchKinds: shape.matchKinds,
        expression: expressionOf(rule, shape, own, ceilings),
        message: `${rule.name}: ${rule.description} ${rule.remediation}`,
      }));
    });
}

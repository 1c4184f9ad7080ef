import * as sdk from "@pulumi/policy";
import type {
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { Exemption } from "./exemption";
import type { Resource } from "./object";
import { toPolicies } from "./policy";
import type { Rule } from "./rule";

/** How an unknown text or number travels to a policy pack; part of Pulumi's protocol. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Exported by the SDK for tests of packs, but its declarations leave their types out. */
const { unknownCheckingProxy, UnknownValueError } = sdk as unknown as {
  readonly unknownCheckingProxy: (props: object) => object;
  readonly UnknownValueError: new (...parts: never[]) => Error;
};

export type Properties = Record<string, unknown>;

export interface Outcome {
  readonly violations: string[];
  /** What the SDK reports as advisory: the rule could not be run on an unknown value. */
  readonly notes: string[];
}

export interface Settings {
  readonly config?: Properties;
  readonly exemptions?: readonly Exemption[];
  readonly today?: string;
  /** @default "local" */
  readonly stack?: string;
}

/** A container that keeps every rule, with `changes` over it. */
export function container(changes: Properties = {}): Properties {
  return {
    name: "app",
    image: "ghcr.io/ballast-platform/app:1.4.2",
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
    livenessProbe: { httpGet: { path: "/live", port: 8080 } },
    ...changes,
  };
}

/** Labels that every object of the platform has, and those of a workload. */
export const LABELS = { "app.kubernetes.io/part-of": "ballast", "app.kubernetes.io/managed-by": "pulumi" };
export const WORKLOAD_LABELS = {
  ...LABELS,
  "app.kubernetes.io/name": "web",
  "app.kubernetes.io/component": "frontend",
  owner: "shop",
};

/** The pod spec of {@link container}, with `changes` over it. */
export function podSpec(changes: Properties = {}): Properties {
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 30,
    containers: [container()],
    ...changes,
  };
}

export interface Options {
  /** Logical name. @default "web" */
  readonly name?: string;
  /** @default false */
  readonly protect?: boolean;
}

/** A resource as the SDK hands it to a policy: reading an unknown part of it throws. */
export function resource(type: string, props: Properties, stack = "local", options: Options = {}): Resource {
  const { name = "web", protect = false } = options;
  return {
    urn: `urn:pulumi:${stack}::ballast::${type}::${name}`,
    type,
    name,
    props: unknownCheckingProxy(structuredClone(props)),
    opts: { protect },
  };
}

/** The properties of a Deployment `shop/web` of the given pod spec. */
export function deploymentProps(spec: unknown, fields: Properties = {}): Properties {
  const template = { metadata: { labels: { app: "web" } }, spec };
  return {
    metadata: { name: "web", namespace: "shop", labels: WORKLOAD_LABELS },
    spec: { replicas: 1, template, ...fields },
  };
}

/** A Deployment `shop/web` of the given pod spec. */
export function deployment(spec: unknown, fields: Properties = {}, stack?: string): Resource {
  return resource("kubernetes:apps/v1:Deployment", deploymentProps(spec, fields), stack);
}

/** Runs `rule` over the resources as the SDK would: one by one, or, for a rule of the stack, together. */
export async function run(rule: Rule, resources: readonly Resource[], settings: Settings = {}): Promise<Outcome> {
  const { exemptions = [], today = "2026-01-01" } = settings;
  const [policy] = toPolicies([rule], { exemptions, today: () => today });
  const outcome: Outcome = { violations: [], notes: [] };
  const report = (message: string): void => void outcome.violations.push(message);
  const shared = {
    getConfig: () => settings.config ?? {},
    stackTags: new Map<string, string>(),
    notApplicable: (reason?: string): never => {
      throw new NotApplicable(reason);
    },
  };

  if (rule.scope === "stack") {
    const args = { ...shared, resources } as unknown as StackValidationArgs;
    await attempt(outcome, () => (policy as StackValidationPolicy).validateStack(args, report));
    return outcome;
  }
  const { validateResource } = policy as ResourceValidationPolicy;
  if (typeof validateResource !== "function") throw new Error(`${rule.name} has no single validation`);
  for (const each of resources) {
    const args = { ...shared, ...each } as unknown as ResourceValidationArgs;
    await attempt(outcome, () => validateResource(args, report));
  }
  return outcome;
}

class NotApplicable extends Error {}

async function attempt(outcome: Outcome, check: () => Promise<void> | void): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof UnknownValueError) outcome.notes.push(error.message);
    else if (!(error instanceof NotApplicable)) throw error;
  }
}

import * as sdk from "@pulumi/policy";
import type {
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { Exemption } from "./exemption";
import { toPolicies } from "./policy";
import type { Rule } from "./rule";
import type { Resource } from "./workload";

/** How an unknown text or number travels to a policy pack; part of Pulumi's protocol. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Exported by the SDK for tests of packs, but its declarations leave their types out. */
const { unknownCheckingProxy, UnknownValueError } = sdk as unknown as {
  readonly unknownCheckingProxy: (props: object) => object;
  readonly UnknownValueError: new (...parts: never[]) => Error;
};

type Properties = Record<string, unknown>;

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
    image: "registry.example/app:1.4.2",
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
    readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
    livenessProbe: { httpGet: { path: "/live", port: 8080 } },
    ...changes,
  };
}

/** The pod spec of {@link container}, with `changes` over it. */
export function podSpec(changes: Properties = {}): Properties {
  return { containers: [container()], ...changes };
}

/** A resource as the SDK hands it to a policy: reading an unknown part of it throws. */
export function resource(type: string, props: Properties, stack = "local"): Resource {
  const name = "web";
  return {
    urn: `urn:pulumi:${stack}::ballast::${type}::${name}`,
    type,
    name,
    props: unknownCheckingProxy(structuredClone(props)),
  };
}

/** A Deployment `shop/web` of the given pod spec. */
export function deployment(spec: unknown, fields: Properties = {}, stack?: string): Resource {
  const template = { metadata: { labels: { app: "web" } }, spec };
  const props = { metadata: { name: "web", namespace: "shop" }, spec: { replicas: 1, template, ...fields } };
  return resource("kubernetes:apps/v1:Deployment", props, stack);
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

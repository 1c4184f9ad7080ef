import type { Declaration } from "./declare";
import { offlineFactory } from "./declare";
import { decide } from "./deployment/decide";
import { referenceTo } from "./deployment/provider-choice";
import { Recorder } from "./deployment/recorder";
import { registration } from "./deployment/registration";
import type { Run } from "./deployment/run";
import { valueAt } from "./display/values";
import { defaultParallel, makeRun } from "./pass";
import { parsePath, withIgnored } from "./paths";
import type { Provider } from "./provider";
import { isAutonamed } from "./providers/kubernetes/naming";
import { providerNames } from "./providers";
import type { ResourceState } from "./state/store";
import { isProviderType, nameOf, packageOf, parseProviderReference } from "./urn";
import type { PropertyMap, PropertyValue } from "./values";

export interface PropertyChange {
  /** As Pulumi writes it: `spec.template.spec.containers[0].image`. */
  readonly path: string;
  /** Absent where the property is new, or gone. */
  readonly before?: PropertyValue;
  readonly after?: PropertyValue;
  /** The change can only be made by a new resource. */
  readonly replaces: boolean;
}

export interface ResourceChange {
  readonly kind: "added" | "changed" | "replaced" | "removed";
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** What it was called, when a resource that an alias names was found under another URN. */
  readonly formerUrn?: string;
  /** Of what is changed or replaced; empty when it is replaced because its provider is. */
  readonly properties: readonly PropertyChange[];
}

/**
 * What would become of the resources of `before` if `after` took their place, by the rules of their providers. Components, which stand for
 * nothing of their own, what is only looked up, and the default providers are left out. Sorted by URN.
 */
export async function compare(before: Declaration, after: Declaration): Promise<ResourceChange[]> {
  const run = makeRun(
    {
      project: after.project,
      stack: after.stack,
      dryRun: true,
      parallel: defaultParallel(),
      offline: true,
      providers: { load: offlineFactory, names: providerNames },
      recorder: new Recorder(),
      seed: Buffer.alloc(0),
    },
    { resources: [], pendingOperations: [] },
    undefined,
  );
  try {
    for (const state of [...before.resources, ...after.resources])
      if (isProviderType(state.type)) run.providers.define(referenceTo(state), packageOf(state.type), state.inputs);
    return await new Comparison(run, before.resources.filter(isCompared), after.resources.filter(isCompared)).changes();
  } finally {
    await run.providers.close();
  }
}

const isCompared = ({ custom, type, urn, external }: ResourceState): boolean =>
  custom && external !== true && !(isProviderType(type) && /^default(_|$)/.test(nameOf(urn)));

class Comparison {
  private readonly unclaimed: Map<string, ResourceState>;
  private readonly replacedProviders = new Set<string>();

  constructor(
    private readonly run: Run,
    olds: readonly ResourceState[],
    private readonly news: readonly ResourceState[],
  ) {
    this.unclaimed = new Map(olds.map((old) => [old.urn, old]));
  }

  async changes(): Promise<ResourceChange[]> {
    const pairs = this.paired();
    const found: ResourceChange[] = [];
    // Providers first: what they manage goes where they go.
    for (const [goal, old] of [...pairs.filter(isOfProvider), ...pairs.filter((pair) => !isOfProvider(pair))]) {
      const change = old === undefined ? describe("added", goal) : await this.changeOf(old, goal);
      if (change !== undefined) found.push(change);
    }
    for (const old of this.unclaimed.values()) found.push(describe("removed", old));
    return found.sort((a, b) => (a.urn < b.urn ? -1 : 1));
  }

  /** By URN before any by alias: an old name may have been given to something else. */
  private paired(): [ResourceState, ResourceState | undefined][] {
    const claim = (urns: readonly string[]): ResourceState | undefined => {
      const urn = urns.find((each) => this.unclaimed.has(each));
      const old = urn === undefined ? undefined : this.unclaimed.get(urn);
      if (old !== undefined) this.unclaimed.delete(old.urn);
      return old;
    };
    const same = new Map(this.news.map((goal) => [goal.urn, claim([goal.urn])]));
    return this.news.map((goal) => [goal, same.get(goal.urn) ?? claim(goal.aliases ?? [])]);
  }

  private async changeOf(old: ResourceState, wanted: ResourceState): Promise<ResourceChange | undefined> {
    const keepsName = isAutonamed(old.inputs) && isAutonamed(wanted.inputs);
    const goal = keepsName ? { ...wanted, inputs: withIgnored(wanted.inputs, old.inputs, ["metadata.name"]) } : wanted;
    const { type, urn, ignoreChanges = [], replaceOnChanges = [] } = goal;
    const asked = registration({ type, name: nameOf(urn), custom: true, ignoreChanges, replaceOnChanges });
    const forced = this.movesToOtherProvider(old, goal) ? ["provider"] : [];
    const decision = await decide(this.run, asked, old, goal, await this.providerOf(goal), forced);
    const options = optionChanges(old, goal);
    if (decision.kind === "same")
      return options.length === 0 ? undefined : { ...describe("changed", goal, old), properties: options };
    const reasons = new Set(decision.kind === "replace" ? decision.reasons : []);
    if (decision.kind === "replace" && isProviderType(type)) this.replacedProviders.add(urn);
    const properties = Object.entries(decision.detailed).map(([path, kind]) =>
      propertyChange(path, old.inputs, goal.inputs, kind.endsWith("-replace") || reasons.has(path)),
    );
    const kind = decision.kind === "replace" ? "replaced" : "changed";
    return { ...describe(kind, goal, old), properties: [...properties, ...options].sort(byPath) };
  }

  private async providerOf({ type, urn, provider }: ResourceState): Promise<Provider | undefined> {
    if (isProviderType(type)) return this.run.providers.resourceProvider(packageOf(type), urn);
    return provider === undefined ? undefined : this.run.providers.get(provider, urn);
  }

  private movesToOtherProvider(old: ResourceState, goal: ResourceState): boolean {
    if (old.provider === undefined || goal.provider === undefined) return false;
    const [before, after] = [old, goal].map(({ provider }) => parseProviderReference(provider ?? "").urn);
    const bothDefault = [before, after].every((urn) => /^default(_|$)/.test(nameOf(urn ?? "")));
    return (before !== after && !bothDefault) || this.replacedProviders.has(after ?? "");
  }
}

const isOfProvider = ([goal]: readonly [ResourceState, ResourceState | undefined]): boolean =>
  isProviderType(goal.type);

function describe(kind: ResourceChange["kind"], { urn, type }: ResourceState, old?: ResourceState): ResourceChange {
  const former = old !== undefined && old.urn !== urn ? { formerUrn: old.urn } : {};
  return { kind, urn, type, name: nameOf(urn), ...former, properties: [] };
}

/** Options that decide what may happen to the resource later. */
function optionChanges(old: ResourceState, goal: ResourceState): PropertyChange[] {
  return (["protect", "retainOnDelete"] as const).flatMap((option) => {
    const [before, after] = [old[option] ?? false, goal[option] ?? false];
    return before === after ? [] : [{ path: `option ${option}`, before, after, replaces: false }];
  });
}

function propertyChange(path: string, olds: PropertyMap, news: PropertyMap, replaces: boolean): PropertyChange {
  const parsed = parsePath(path);
  const [before, after] = [valueAt(olds, parsed), valueAt(news, parsed)];
  return {
    path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    replaces,
  };
}

const byPath = (a: PropertyChange, b: PropertyChange): number => (a.path < b.path ? -1 : 1);

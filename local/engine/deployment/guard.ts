import type { PolicyResource, PolicyRunner } from "../policy/policy";
import type { ResourceState } from "../state/store";
import { nameOf, typeOf } from "../urn";
import type { PropertyMap } from "../values";
import type { Run } from "./run";
import { StepFailure } from "../failure";

/** Puts resources before the policy packs. Violations are shown by the packs' runners; here they stop the deployment. */
export class Guard {
  private readonly analyzed = new Set<string>();
  private violations = 0;

  constructor(
    private readonly run: Run,
    private readonly policies: readonly PolicyRunner[],
  ) {}

  /** The inputs after remediation. In a preview violations are counted, so that all are found; otherwise the first stops the run. */
  async inputs(goal: ResourceState, stateOf: (urn: string) => ResourceState | undefined): Promise<PropertyMap> {
    let { inputs } = goal;
    for (const policy of this.policies)
      inputs = await policy.remediate(asPolicyResource({ ...goal, inputs }, inputs, stateOf));
    if (this.analyzed.has(goal.urn)) return inputs;
    this.analyzed.add(goal.urn);
    let violations = 0;
    for (const policy of this.policies)
      violations += await policy.analyze(asPolicyResource({ ...goal, inputs }, inputs, stateOf));
    this.violations += violations;
    if (violations > 0 && !this.run.dryRun) throw new StepFailure("it violates a mandatory policy", goal.urn);
    return inputs;
  }

  /** @throws {StepFailure} when any resource, or the stack as a whole, has violated a mandatory policy. */
  async wholeStack(resources: readonly ResourceState[]): Promise<void> {
    if (this.policies.length === 0) return;
    const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
    const asSeen = resources.map((resource) => asPolicyResource(resource, resource.outputs, (urn) => byUrn.get(urn)));
    for (const policy of this.policies) this.violations += await policy.analyzeStack(asSeen);
    if (this.violations === 0) return;
    const count = `${this.violations} mandatory policy violation${this.violations === 1 ? "" : "s"}`;
    throw new StepFailure(this.run.dryRun ? `${count}; nothing has been changed` : `${count} in the stack as a whole`);
  }
}

function asPolicyResource(
  state: ResourceState,
  properties: PropertyMap,
  stateOf: (urn: string) => ResourceState | undefined,
): PolicyResource {
  const provider =
    state.provider === undefined ? undefined : stateOf(state.provider.slice(0, state.provider.lastIndexOf("::")));
  return {
    urn: state.urn,
    type: state.type,
    name: nameOf(state.urn),
    properties,
    ...(state.parent === undefined ? {} : { parent: state.parent }),
    ...(state.protect === undefined ? {} : { protect: state.protect }),
    dependencies: state.dependencies ?? [],
    propertyDependencies: state.propertyDependencies ?? {},
    ...(state.aliases === undefined ? {} : { aliases: state.aliases }),
    ...(state.additionalSecretOutputs === undefined ? {} : { additionalSecretOutputs: state.additionalSecretOutputs }),
    ...(state.customTimeouts === undefined ? {} : { customTimeouts: state.customTimeouts }),
    ...(provider === undefined
      ? {}
      : {
          provider: {
            urn: provider.urn,
            type: typeOf(provider.urn),
            name: nameOf(provider.urn),
            properties: provider.inputs,
          },
        }),
  };
}

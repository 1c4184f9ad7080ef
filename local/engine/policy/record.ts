import type { PropertyMap } from "../values";
import type { PolicyResource, PolicyRunner } from "./policy";

/**
 * Stands in for policy packs while a program runs, and keeps what it is asked about: packs can be run on it afterwards, in their own time.
 * It lets everything pass.
 */
export class PolicyRecord implements PolicyRunner {
  private readonly resources = new Map<string, PolicyResource>();
  private whole: readonly PolicyResource[] | undefined;

  async remediate(resource: PolicyResource): Promise<PropertyMap> {
    return resource.properties;
  }

  async analyze(resource: PolicyResource): Promise<number> {
    this.resources.set(resource.urn, resource);
    return 0;
  }

  async analyzeStack(resources: readonly PolicyResource[]): Promise<number> {
    this.whole = resources;
    return 0;
  }

  async close(): Promise<void> {}

  /**
   * Asks `pack` about each resource, and about the stack as a whole if the program came to its end. What it finds goes to the pack's own events,
   * in the order of the URNs. Resolves to the number of mandatory violations.
   */
  async replay(pack: PolicyRunner): Promise<number> {
    const remediated = new Map<string, PropertyMap>();
    let violations = 0;
    for (const resource of inOrder([...this.resources.values()])) {
      const properties = await pack.remediate(resource);
      if (properties !== resource.properties) remediated.set(resource.urn, properties);
      violations += await pack.analyze({ ...resource, properties });
    }
    if (this.whole === undefined) return violations;
    const whole = inOrder(this.whole).map((resource) => {
      const inputs = remediated.get(resource.urn);
      return inputs === undefined ? resource : { ...resource, properties: { ...resource.properties, ...inputs } };
    });
    return violations + (await pack.analyzeStack(whole));
  }
}

const inOrder = (resources: readonly PolicyResource[]): PolicyResource[] =>
  [...resources].sort((a, b) => (a.urn < b.urn ? -1 : 1));

import assert from "node:assert/strict";
import type { PropertyMap } from "../values";
import type { PolicyResource, PolicyRunner } from "./policy";
import { PolicyRecord } from "./record";

const thing = (name: string, properties: PropertyMap = {}): PolicyResource => ({
  urn: `urn:pulumi:dev::demo::test:index:Thing::${name}`,
  type: "test:index:Thing",
  name,
  properties,
  dependencies: [],
  propertyDependencies: {},
});

/** Gives everything a label, and finds every thing without a size, and every stack, wrong. */
class Pack implements PolicyRunner {
  readonly asked: string[] = [];
  remediate = async ({ properties }: PolicyResource): Promise<PropertyMap> => ({ ...properties, label: "none" });
  analyze = async ({ name, properties }: PolicyResource): Promise<number> => {
    this.asked.push(`${name} ${String(properties["label"])}`);
    return properties["size"] === undefined ? 1 : 0;
  };
  analyzeStack = async (resources: readonly PolicyResource[]): Promise<number> => {
    this.asked.push(resources.map(({ name, properties }) => `${name} ${JSON.stringify(properties)}`).join(", "));
    return 1;
  };
  close = async (): Promise<void> => undefined;
}

describe("a record for policy packs", () => {
  it("lets everything pass while it records, and asks a pack afterwards in the order of the URNs", async () => {
    const record = new PolicyRecord();
    assert.equal(await record.analyze(thing("b", { size: 1 })), 0);
    assert.equal(await record.analyze(thing("a")), 0);
    assert.equal(await record.analyzeStack([thing("b", { size: 1, id: "x" }), thing("a")]), 0);
    const pack = new Pack();
    assert.equal(await record.replay(pack), 2);
    assert.deepEqual(pack.asked, ["a none", "b none", 'a {"label":"none"}, b {"size":1,"id":"x","label":"none"}']);
  });

  it("asks about no stack as a whole when the program did not come to its end", async () => {
    const record = new PolicyRecord();
    await record.analyze(thing("a"));
    const pack = new Pack();
    assert.equal(await record.replay(pack), 1);
    assert.deepEqual(pack.asked, ["a none"]);
  });
});

import assert from "node:assert/strict";
import { FIXTURES } from "./fixtures/index";
import type { Declared, Fixture } from "./fixtures/fixture";
import type { Resource } from "./object";
import { rulesOf } from "./pack";
import type { Rule } from "./rule";
import { type Outcome, type Properties, resource, run, UNKNOWN } from "./testing";

const TODAY = "2026-01-01";

const build = ({ type, props, protect, name }: Declared, stack?: string): Resource =>
  resource(type, props, stack, { ...(protect && { protect }), ...(name !== undefined && { name }) });

const judge = (rule: Rule, declared: readonly Declared[], { stack }: Fixture): Promise<Outcome> =>
  run(
    rule,
    declared.map((each) => build(each, stack)),
    { today: TODAY },
  );

/** Every place in `value`, down to each leaf. */
function* paths(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, part] of Object.entries(value)) yield* paths(part, [...path, key]);
}

function withUnknown(declared: Declared, path: readonly string[]): Declared {
  const props = structuredClone(declared.props);
  const last = path.at(-1) ?? "";
  const parent = path.slice(0, -1).reduce<Properties>((part, key) => part[key] as Properties, props);
  parent[last] = UNKNOWN;
  return { ...declared, props };
}

/** The declared resources with each part of each of them unknown in turn, and what was hidden. */
function* hidden(declared: readonly Declared[]): Generator<{ what: string; resources: readonly Declared[] }> {
  for (const [index, each] of declared.entries()) {
    for (const path of paths(each.props)) {
      const what = `${each.type} ${path.join(".")}`;
      yield { what, resources: declared.with(index, withUnknown(each, path)) };
    }
  }
}

describe("fixtures of the rules", () => {
  const rules = rulesOf([]);

  it("are there for every rule, and for nothing else", () => {
    assert.deepEqual(Object.keys(FIXTURES).sort(), rules.map(({ name }) => name).sort());
  });

  for (const { name } of rules) {
    const fixture = FIXTURES[name];
    if (fixture === undefined) continue;
    const rule = rulesOf(fixture.exemptions ?? [], () => TODAY).find((each) => each.name === name);
    assert.ok(rule);

    it(`${name} passes what keeps it`, async () => {
      assert.deepEqual(await judge(rule, fixture.passes, fixture), { violations: [], notes: [] });
    });

    it(`${name} reports what breaks it`, async () => {
      const { violations } = await judge(rule, fixture.fails, fixture);
      assert.notDeepEqual(violations, []);
    });

    it(`${name} never takes an unknown part for a breach`, async () => {
      for (const { what, resources } of hidden(fixture.passes)) {
        assert.deepEqual((await judge(rule, resources, fixture)).violations, [], what);
      }
    });

    it(`${name} stands any part of what breaks it being unknown`, async () => {
      for (const { what, resources } of hidden(fixture.fails)) {
        await assert.doesNotReject(judge(rule, resources, fixture), what);
      }
    });
  }
});

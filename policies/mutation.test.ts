import assert from "node:assert/strict";
import type { Declared } from "../infra/testing/declared";
import { declaredByProgram } from "../infra/testing/program";
import { at, RUNNING_ON, type Safeguard, SAFEGUARDS } from "./fixtures/safeguards";
import { readExemptions } from "./exemption";
import exemptionList from "./exemptions.json";
import { kindOf, type Resource } from "./object";
import { rulesOf } from "./pack";
import type { Rule } from "./rule";
import { type Properties, resource, run } from "./testing";
import { templateOf, WORKLOAD_KINDS } from "./workload";

/** Each safeguard of our own program is taken away in turn, wherever it is; the rule that asks for it must object each time. */

/** Production has every component, at its strictest. */
const STACK = "prod";

const kind = ({ type }: Declared): string => kindOf(type) ?? "";
const podOf = (inputs: Properties, of: string): unknown => at(inputs, ...templateOf(of), "spec");

/** The parts of a resource that a safeguard may stand at, each in a copy of its own. */
function* places(
  declared: Declared,
  { of, kinds }: Safeguard,
): Generator<{ inputs: Properties; part: Properties; pod: Properties; name: string }> {
  const own = kind(declared);
  const isWorkload = WORKLOAD_KINDS.includes(own);
  const wanted = kinds?.includes(own) ?? (of === "object" ? own !== "" : isWorkload);
  if (!wanted) return;
  const copy = (): Properties => structuredClone(declared.inputs);
  if (of === "workload" || of === "object" || of === "whole") {
    const inputs = copy();
    yield { inputs, part: inputs, pod: {}, name: declared.name };
    return;
  }
  for (const list of of === "pod" ? [undefined] : ["containers", "initContainers"]) {
    const count = list === undefined ? 1 : ((at(podOf(declared.inputs, own), list) ?? []) as unknown[]).length;
    for (let index = 0; index < count; index++) {
      const inputs = copy();
      const pod = podOf(inputs, own) as Properties;
      const part = list === undefined ? pod : (pod[list] as Properties[])[index];
      const isShort = list === "initContainers" && part?.["restartPolicy"] !== "Always";
      if (part === undefined || (of === "long-running container" && (isShort || !RUNNING_ON.includes(own)))) continue;
      yield { inputs, part, pod, name: `${declared.name} ${String(part["name"] ?? "")}` };
    }
  }
}

describe("our own program without one of its safeguards", function () {
  this.timeout(120_000);
  let declared: readonly Declared[];
  before(async () => {
    ({ declared } = await declaredByProgram(STACK));
  });

  const build = ({ type, name, inputs }: Declared): Resource => resource(type, inputs, STACK, { name, protect: true });
  const violations = async (rule: Rule, resources: readonly Declared[]): Promise<string[]> => {
    const exemptions = readExemptions(
      exemptionList,
      rulesOf([]).map(({ name }) => name),
    );
    return (await run(rule, resources.map(build), { stack: STACK, exemptions })).violations;
  };

  it("breaks nothing as it is", async () => {
    for (const rule of rulesOf([])) assert.deepEqual(await violations(rule, declared), [], rule.name);
  });

  for (const safeguard of SAFEGUARDS) {
    it(`breaks ${safeguard.rule} without ${safeguard.what}`, async () => {
      const rule = rulesOf([]).find(({ name }) => name === safeguard.rule);
      assert.ok(rule);
      let tried = 0;
      for (const [index, each] of declared.entries()) {
        for (const { inputs, part, pod, name } of places(each, safeguard)) {
          if (!safeguard.away(part, pod)) continue;
          tried += 1;
          const changed = { ...each, inputs };
          const whole = safeguard.of === "whole" ? declared.toSpliced(index, 1) : declared.with(index, changed);
          const found = (await run(rule, (rule.scope === "stack" ? whole : [changed]).map(build), { stack: STACK }))
            .violations;
          assert.notDeepEqual(found, [], name);
        }
      }
      assert.ok(tried > 0, "the program has it nowhere");
    });
  }
});

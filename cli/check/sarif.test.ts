import assert from "node:assert/strict";
import { rulesOf } from "../../policies/pack";
import type { Lines } from "./locate";
import { sarif, type SarifLog } from "./sarif";
import { checkReport, stackReport, statefulSet } from "./testing";

const lines: Lines = { ofResource: (urn) => (urn === undefined ? 1 : 9), ofError: () => 4 };
const probes = { policy: "probes", pack: "ballast", severity: "high", urn: statefulSet, message: "no probe" };

/** What the schema of SARIF 2.1.0, and GitHub's code scanning on top of it, require of the parts that are used. */
function assertValid({ $schema, version, runs }: SarifLog): void {
  assert.match($schema, /^https:\/\/.*sarif-schema-2\.1\.0\.json$/);
  assert.equal(version, "2.1.0");
  for (const { tool, results, columnKind, invocations, automationDetails } of runs) {
    assert.ok(tool.driver.name.length > 0);
    assert.match(tool.driver.semanticVersion, /^\d+\.\d+\.\d+/);
    assert.equal(columnKind, "utf16CodeUnits");
    assert.match(automationDetails.id, /\/$/);
    for (const { executionSuccessful } of invocations) assert.equal(typeof executionSuccessful, "boolean");
    const ids = tool.driver.rules.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const rule of tool.driver.rules) {
      assert.ok(rule.shortDescription.text.length > 0 && rule.help.text.length > 0, rule.id);
      assert.match(rule.defaultConfiguration.level, /^(none|note|warning|error)$/);
    }
    const prints = results.map(({ partialFingerprints }) => partialFingerprints["ballastFinding/v1"]);
    assert.equal(new Set(prints).size, prints.length);
    for (const result of results) {
      assert.equal(ids[result.ruleIndex], result.ruleId);
      assert.match(result.level, /^(none|note|warning|error)$/);
      assert.ok(result.message.text.length > 0);
      const [{ physicalLocation }] = result.locations;
      assert.doesNotMatch(physicalLocation.artifactLocation.uri, /^\/|\\|^\w+:/);
      assert.ok(Number.isInteger(physicalLocation.region.startLine) && physicalLocation.region.startLine >= 1);
    }
  }
}

describe("findings for code scanning", () => {
  it("carry each rule of the pack, and each finding with its resource and its line", () => {
    const warning = { policy: "of-another-pack", pack: "other", message: "hm" };
    const stack = stackReport({
      result: "violated",
      violations: [probes, { ...probes, message: "another" }],
      warnings: [warning],
    });
    const log = sarif(checkReport([stack]), "0.1.0", new Map([["dev", lines]]));
    assertValid(log);
    const [{ tool, results }] = log.runs;
    for (const { name } of rulesOf([]))
      assert.ok(
        tool.driver.rules.some(({ id }) => id === name),
        name,
      );
    assert.deepEqual(
      results.map(({ ruleId, level, message }) => [ruleId, level, message.text]),
      [
        ["probes", "error", "dev: no probe"],
        ["probes", "error", "dev: another"],
        ["of-another-pack", "warning", "dev: hm"],
      ],
    );
    assert.deepEqual(results[0]?.locations, [
      {
        physicalLocation: {
          artifactLocation: { uri: "stacks/Pulumi.dev.yaml", uriBaseId: "%SRCROOT%" },
          region: { startLine: 9 },
        },
        logicalLocations: [{ name: "postgres", fullyQualifiedName: statefulSet, kind: "resource" }],
      },
    ]);
  });

  it("keep their fingerprint when only the message changes", () => {
    const print = (message: string): string | undefined =>
      sarif(checkReport([stackReport({ violations: [{ ...probes, message }] })]), "0.1.0", new Map()).runs[0].results[0]
        ?.partialFingerprints["ballastFinding/v1"];
    assert.equal(print("12 of 10"), print("13 of 10"));
  });

  it("tell of a failing program as a result, and that the run did not succeed", () => {
    const failed = stackReport({ result: "failed", errors: ["it broke"] });
    const log = sarif(checkReport([failed]), "0.1.0", new Map([["dev", lines]]));
    assertValid(log);
    const [{ results, invocations }] = log.runs;
    assert.equal(results[0]?.ruleId, "program-succeeds");
    assert.equal(results[0].locations[0].physicalLocation.region.startLine, 4);
    assert.equal(invocations[0]?.executionSuccessful, false);
    assert.deepEqual(invocations[0].toolExecutionNotifications, [
      { level: "error", message: { text: "dev: it broke" } },
    ]);
  });
});

import assert from "node:assert/strict";
import { ADMISSION_RULES, type AdmissionOptions, admissionRules } from "./admission";
import { readLevels } from "./level";
import { admission, rulesOf } from "./pack";

const rules = rulesOf([]);
const OPTIONS: AdmissionOptions = {
  rules,
  exemptions: [],
  levels: new Map(),
  environment: "local",
  project: "ballast",
  stack: "local",
  today: "2026-01-01",
};
const EXEMPTION = { rule: "read-only-root", kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" };

const expressionOf = (changes: Partial<AdmissionOptions>, name = "read-only-root-template"): string =>
  admissionRules({ ...OPTIONS, ...changes }).find((each) => each.name === name)?.expression ?? "";

describe("admission rules", () => {
  it("are there for pods, for what makes pods, and for CronJobs, each under a name of its own", () => {
    const made = admissionRules(OPTIONS);
    assert.equal(made.length, 3 * ADMISSION_RULES.length);
    assert.equal(new Set(made.map(({ name }) => name)).size, made.length);
    assert.deepEqual(
      made
        .filter(({ rule }) => rule === "image-pinned")
        .map(({ matchKinds }) => matchKinds.map(({ resource }) => resource)),
      [
        ["pods", "pods/ephemeralcontainers"],
        ["deployments", "statefulsets", "daemonsets", "replicasets", "jobs"],
        ["cronjobs"],
      ],
    );
    for (const { name, message } of made) {
      // What a ValidatingAdmissionPolicy may be called, with room for a prefix; and a message on one line.
      assert.match(name, /^[a-z][a-z-]{1,50}$/);
      assert.ok(!message.includes("\n") && message.length < 1000, name);
    }
  });

  it("are rules of the pack", () => {
    for (const name of ADMISSION_RULES)
      assert.ok(
        rules.some((rule) => rule.name === name),
        name,
      );
  });

  it("hold the numbers of the environment", () => {
    assert.match(expressionOf({}, "container-resources-ceiling-pod"), /quantity\('2Gi'\)/);
    assert.match(expressionOf({ environment: "prod" }, "container-resources-ceiling-pod"), /quantity\('32Gi'\)/);
    assert.throws(() => admissionRules({ ...OPTIONS, environment: "lokal" }), {
      message: "'lokal' is no environment of policies/limits.json; they are local, dev, staging, prod",
    });
  });

  it("keep the environment's levels", () => {
    const levels = readLevels(
      { environments: { local: { "image-digest": "disabled", seccomp: "advisory" } } },
      rules.map(({ name }) => name),
    );
    const made = admissionRules({ ...OPTIONS, levels });
    assert.deepEqual(
      made.filter(({ rule }) => rule === "image-digest"),
      [],
    );
    assert.deepEqual(
      new Set(made.filter(({ rule }) => rule === "seccomp").map(({ level }) => level)),
      new Set(["advisory"]),
    );
  });

  it("leave out exemptions that have expired, or are of other stacks, projects and rules", () => {
    assert.match(expressionOf({ exemptions: [EXEMPTION] }), /object\.metadata\.name == 'web'/);
    for (const exemption of [
      { ...EXEMPTION, expires: "2025-12-31" },
      { ...EXEMPTION, stacks: ["prod"] },
      { ...EXEMPTION, project: "other" },
      { ...EXEMPTION, rule: "probes" },
    ]) {
      assert.equal(expressionOf({ exemptions: [exemption] }), expressionOf({}));
    }
  });

  it("take a name as it is, whatever is in it", () => {
    const expression = expressionOf({ exemptions: [{ ...EXEMPTION, name: "a'b\\c", container: "x" }] });
    assert.ok(expression.includes(String.raw`object.metadata.name == 'a\'b\\c'`));
  });

  it("come with the pack's own data", () => {
    assert.ok(admission({ project: "ballast", stack: "prod-eu" }).some(({ rule }) => rule === "image-digest"));
    assert.ok(!admission({ project: "ballast", stack: "local" }).some(({ rule }) => rule === "image-digest"));
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silent } from "../../local/progress";
import { CommandError, exit } from "../errors";
import { root } from "../place";
import { Checkout, type Ended } from "../testing/checkout";
import { check, type CheckOptions } from "./check";
import { MARKER } from "./markdown";
import type { Change, CheckReport, StackReport } from "./report";
import type { SarifLog } from "./sarif";

const stackIn = ({ stacks }: CheckReport, name: string): StackReport => {
  const found = stacks.find(({ stack }) => stack === name);
  assert.ok(found, name);
  return found;
};

function changesIn({ comparison }: StackReport): readonly Change[] {
  assert.equal(comparison?.kind, "compared", JSON.stringify(comparison));
  return comparison.changes;
}

/** A copy of this checkout with a history of one commit, and a branch on which a test may change things. */
class Branch {
  private constructor(readonly checkout: Checkout) {}

  static async make(prepare: (folder: string) => void = () => undefined): Promise<Branch> {
    const branch = new Branch(await Checkout.make());
    prepare(branch.folder);
    branch.git("init", "-q", "-b", "main");
    appendFileSync(join(branch.folder, ".git", "info", "exclude"), "node_modules\n");
    branch.git("add", "-A");
    branch.git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "base");
    return branch;
  }

  get folder(): string {
    return this.checkout.folder;
  }

  edit(file: string, pattern: RegExp, by: (match: string, ...groups: string[]) => string): void {
    const place = join(this.folder, file);
    const text = readFileSync(place, "utf8");
    assert.match(text, pattern, file);
    writeFileSync(place, text.replace(pattern, by));
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.folder, encoding: "utf8" });
  }

  ballast(...args: string[]): Promise<Ended> {
    return this.checkout.ballast(["check", ...args]);
  }
}

describe("ballast check", function () {
  this.timeout(600_000);

  const options = (folder: string, more: Partial<CheckOptions> = {}): CheckOptions => ({
    root: folder,
    packs: [{ directory: join(root, "policies"), config: {} }],
    progress: silent,
    signal: new AbortController().signal,
    ...more,
  });

  describe("on the platform's own stacks", () => {
    it("finds no violation, and counts what they ask for", async () => {
      const { stacks } = await check(options(root, { base: "HEAD" }));
      assert.deepEqual(
        stacks.map(({ stack, result, errors, violations }) => ({ stack, result, errors, violations })),
        ["dev", "local", "prod", "staging"].map((stack) => ({ stack, result: "passed", errors: [], violations: [] })),
      );
      for (const { stack, resources, demand } of stacks) {
        assert.ok(resources > 20, stack);
        assert.ok(demand && demand.replicas >= 3 && demand.cpu > 0 && demand.storage > 0, stack);
      }
    });
  });

  describe("on a branch", () => {
    let branch: Branch;
    let staging: StackReport;
    after(() => branch.checkout.remove());

    before(async () => {
      branch = await Branch.make((folder) => {
        const file = join(folder, "stacks/Pulumi.local.yaml");
        const list = readFileSync(file, "utf8").replace(/^( +)- name: taskdb$/m, "$1- name: thirddb\n$&");
        writeFileSync(file, list);
      });
      branch.edit(
        "stacks/Pulumi.prod.yaml",
        /(ballast:postgres:[\s\S]*?storage: )(\d+)Gi/,
        (_, head = "", size = "") => {
          return `${head}${Number(size) + 10}Gi`;
        },
      );
      branch.edit("stacks/Pulumi.local.yaml", /name: thirddb/, () => "name: otherdb");
      branch.edit("stacks/Pulumi.dev.yaml", /instances: 3/, () => "instances: three");
      branch.edit("policies/limits.json", /("staging": \{[\s\S]*?"monthlyUsd": )\d+/, (_, head = "") => `${head}1`);
    });

    it("tells what becomes of each stack, one that fails and one that violates a policy among them", async () => {
      const [sarifFile, comment] = ["out.sarif", "out.md"].map((name) => join(branch.folder, ".git", name)) as [
        string,
        string,
      ];
      const { code, stdout, stderr } = await branch.ballast("--json", "--sarif", sarifFile, "--markdown", comment);
      assert.equal(code, exit.failed, stderr);
      const report = JSON.parse(stdout) as CheckReport;
      assert.deepEqual(
        report.stacks.map(({ stack, result }) => [stack, result]),
        [
          ["dev", "failed"],
          ["local", "passed"],
          ["prod", "passed"],
          ["staging", "violated"],
        ],
        stdout,
      );
      assert.deepEqual(report.base?.commit, branch.git("rev-parse", "main").trim());

      assert.match(
        stackIn(report, "dev").errors.join("\n"),
        /stacks\/Pulumi\.dev\.yaml.*\n.*ballast:postgres\.instances is "three"/,
      );

      const prod = stackIn(report, "prod");
      const [set, ...others] = changesIn(prod).filter(
        ({ name, type }) => name === "postgres" && type.endsWith(":StatefulSet"),
      );
      assert.equal(others.length, 0);
      assert.equal(set?.kind, "replaced");
      assert.match(
        set.properties.map(({ path, replaces }) => `${path} ${replaces}`).join(),
        /volumeClaimTemplates.* true/,
      );
      assert.ok(prod.comparison?.kind === "compared" && prod.demand);
      assert.equal(prod.demand.storage - prod.comparison.demand.storage, 3 * 10 * 2 ** 30);
      assert.ok(prod.demand.usdPerMonth > prod.comparison.demand.usdPerMonth);

      const local = changesIn(stackIn(report, "local"));
      const databases = local.filter(({ type }) => type === "postgresql:index/database:Database");
      assert.deepEqual(
        databases.map(({ kind, name }) => [kind, name]),
        [
          ["added", "otherdb"],
          ["removed", "thirddb"],
        ],
      );
      assert.deepEqual(changesIn(stackIn(report, "staging")), []);

      staging = stackIn(report, "staging");
      const [violation] = staging.violations;
      assert.equal(violation?.policy, "cost-ceiling");
      assert.match(violation.message, /^the stack costs \d+ USD a month/);

      const { results } = (JSON.parse(readFileSync(sarifFile, "utf8")) as SarifLog).runs[0];
      const [dev, cost] = ["program-succeeds", "cost-ceiling"].map((id) => results.find(({ ruleId }) => ruleId === id));
      assert.equal(dev?.level, "error");
      const [{ physicalLocation }] = dev.locations;
      assert.equal(physicalLocation.artifactLocation.uri, "stacks/Pulumi.dev.yaml");
      const line = readFileSync(join(branch.folder, "stacks/Pulumi.dev.yaml"), "utf8").split("\n")[
        physicalLocation.region.startLine - 1
      ];
      assert.match(line ?? "", /instances: three/);
      assert.equal(cost?.locations[0].physicalLocation.artifactLocation.uri, "stacks/Pulumi.staging.yaml");
      assert.ok(readFileSync(comment, "utf8").startsWith(MARKER));
    });

    it("exits with the code of a policy violation, and says the same of a stack each time", async () => {
      const { code, stdout, stderr } = await branch.ballast("--stack", "staging", "--json");
      assert.equal(code, exit.policy, stderr);
      assert.deepEqual((JSON.parse(stdout) as CheckReport).stacks, [staging]);
    });

    it("leaves nothing behind: neither a checkout nor a change of this one", () => {
      assert.equal(branch.git("worktree", "list").trim().split("\n").length, 1);
      assert.equal(branch.git("status", "--porcelain").trim().split("\n").length, 4);
    });
  });

  describe("on a project of one's own", () => {
    const program = (data: string): string => `
      import { Config } from "@pulumi/pulumi";
      import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
      import { Secret } from "@pulumi/kubernetes/core/v1/secret";
      const config = new Config();
      if (config.get("fails") === "yes") throw new Error("as the configuration says");
      const metadata = (name: string) => ({ name, namespace: "shop" });
      new ConfigMap("settings", { metadata: metadata("settings"), data: { ${data} } });
      new Secret("key", { metadata: metadata("key"), stringData: { key: "${data.replaceAll('"', "")}", own: config.get("key") ?? "" } });
    `;
    const secure =
      "encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAA\nconfig:\n  ballast:key: { secure: v1:AAAA:AAAA }\n";
    let branch: Branch;
    const of = (more: Partial<CheckOptions> = {}): Promise<CheckReport> =>
      check(options(branch.folder, { packs: [], ...more }));

    before(async () => {
      branch = await Branch.make((folder) => {
        const file = join(folder, "Pulumi.yaml");
        writeFileSync(file, readFileSync(file, "utf8").replace(/^main: .*$/m, "main: program"));
        mkdirSync(join(folder, "program"));
        writeFileSync(join(folder, "program", "index.ts"), program('word: "hunter1"'));
        for (const name of readdirSync(join(folder, "stacks"))) execFileSync("rm", [join(folder, "stacks", name)]);
        writeFileSync(join(folder, "stacks", "Pulumi.old.yaml"), "config: {}\n");
        writeFileSync(join(folder, "stacks", "Pulumi.kept.yaml"), secure);
      });
    });
    after(() => branch.checkout.remove());

    it("needs no passphrase, shows no secret, and names new and removed stacks and a base that fails", async () => {
      writeFileSync(join(branch.folder, "program", "index.ts"), program('word: "hunter2"'));
      branch.git("mv", "stacks/Pulumi.old.yaml", "stacks/Pulumi.new.yaml");
      const report = await of();
      assert.deepEqual(report.removedStacks, ["old"]);
      assert.deepEqual(stackIn(report, "new").comparison, { kind: "new" });
      const changes = changesIn(stackIn(report, "kept"));
      assert.deepEqual(
        changes.map(({ kind, name, properties }) => [kind, name, properties]),
        [
          ["changed", "settings", [{ path: "data.word", before: '"hunter1"', after: '"hunter2"', replaces: false }]],
          ["changed", "key", [{ path: "stringData.key", before: "[secret]", after: "[secret]", replaces: false }]],
        ],
      );
    });

    it("checks the other stacks when the file of one is malformed", async () => {
      writeFileSync(join(branch.folder, "stacks", "Pulumi.bad.yaml"), "config: [\n");
      const report = await of();
      assert.deepEqual(
        report.stacks.map(({ stack, result }) => [stack, result]),
        [
          ["bad", "failed"],
          ["kept", "passed"],
          ["new", "passed"],
        ],
      );
      assert.match(stackIn(report, "bad").errors.join(), /Pulumi\.bad\.yaml:\d+:\d+ is malformed YAML/);
    });

    it("compares with a commit that is named, and says when that commit's program fails", async () => {
      writeFileSync(join(branch.folder, "stacks", "Pulumi.kept.yaml"), "config:\n  ballast:fails: 'yes'\n");
      branch.git("add", "-A");
      branch.git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "broken");
      writeFileSync(join(branch.folder, "stacks", "Pulumi.kept.yaml"), "config: {}\n");
      const { stacks } = await of({ base: "HEAD", stacks: ["kept"] });
      assert.equal(stacks[0]?.result, "passed");
      assert.equal(stacks[0].comparison?.kind, "impossible");
      assert.match(stacks[0].comparison.errors.join(), /as the configuration says/);
    });

    it("refuses a stack and a base that are not there", async () => {
      await assert.rejects(
        of({ stacks: ["nope"] }),
        /no stack named "nope" in the project ballast: its stacks are bad, kept, new/,
      );
      await assert.rejects(
        of({ base: "nope" }),
        (error: unknown) =>
          error instanceof CommandError && error.code === exit.usage && /--base nope/.test(error.message),
      );
    });

    it("gives no verdict when it is interrupted, and leaves nothing behind", async () => {
      const running = branch.checkout.start(["check", "--no-policy-pack", "--json"]);
      await running.shows(/previewing new/);
      running.interrupt();
      const { code, stdout, stderr } = await running.ended;
      assert.equal(code, exit.interrupted, stderr);
      assert.equal(stdout, "");
      assert.equal(branch.git("worktree", "list").trim().split("\n").length, 1);
    });

    it("fails as a whole when a policy pack cannot be run, and leaves nothing behind", async () => {
      const pack = join(root, "local/engine/policy/fixtures/misnamed");
      await assert.rejects(of({ stacks: ["kept"], packs: [{ directory: pack, config: {} }] }), /misnamed/);
      assert.equal(branch.git("worktree", "list").trim().split("\n").length, 1);
    });
  });
});

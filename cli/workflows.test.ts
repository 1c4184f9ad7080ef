import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { plans } from "../chaos/gameday/plans";
import packageJson from "../package.json";
import { MARKER } from "./check/markdown";
import { exit } from "./errors";
import { root } from "./place";
import { Checkout } from "./testing/checkout";
import { commandsOf, type Workflow, workflow, WORKFLOWS } from "./testing/workflow";

const SCRIPTS: Readonly<Record<string, string>> = packageJson.scripts;

const stacks = () => readdirSync(join(root, "stacks")).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);

describe("the workflows", function () {
  this.timeout(240_000);

  const all = (): [string, Workflow][] => readdirSync(WORKFLOWS).map((file) => [file, workflow(file)]);
  const jobs = () =>
    all().flatMap(([file, { jobs: each }]) => Object.entries(each).map(([name, job]) => ({ file, name, job })));

  it("give each job the least: rights of its own, an end, one run at a time", () => {
    for (const [file, { permissions, concurrency }] of all()) {
      assert.deepEqual(permissions, {}, `${file}: jobs say what they need`);
      assert.ok(concurrency?.group, file);
    }
    for (const { file, name, job } of jobs()) {
      assert.ok(Number(job["timeout-minutes"]) > 0, `${file}: ${name}`);
      assert.ok(job.permissions !== undefined && job["runs-on"], `${file}: ${name}`);
      const writes = Object.values(job.permissions).includes("write");
      assert.ok(
        !writes || commandsOf(job).length === 0,
        `${file}: ${name} runs code of a pull request with rights to write`,
      );
    }
  });

  it("pin every action by commit, with the release beside it", () => {
    for (const [file] of all()) {
      const text = readFileSync(join(WORKFLOWS, file), "utf8");
      const uses = [...text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(([, rest]) => rest ?? "");
      assert.ok(uses.length > 0, file);
      for (const use of uses) assert.match(use, /^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
      const pinned = new Set(uses.map((use) => use.replace(/^([\w-]+\/[\w-]+)[\w/-]*@/, "$1 ")));
      assert.equal(
        new Set([...pinned].map((use) => use.split(" ")[0])).size,
        pinned.size,
        `${file}: one action, two releases`,
      );
    }
  });

  it("have only steps that are one command of this project, with options that it has", async () => {
    const checked = new Set<string>();
    const helps = new Map<string, string>();
    const helpOf = (words: readonly string[]): string => {
      const program = join(root, "cli", "ballast.mjs");
      const help =
        helps.get(words.join(" ")) ??
        execFileSync(process.execPath, [program, ...words, "--help"], { encoding: "utf8" });
      helps.set(words.join(" "), help);
      return help;
    };
    for (const { file, name, job } of jobs()) {
      for (const command of commandsOf(job)) {
        const place = `${file}: ${name}: ${command}`;
        assert.match(
          command,
          /^(npm ci|npm run [\w:]+|npx [\w-]+|node cli\/ballast\.mjs [a-z]+)( --?[\w-]+| "\$(STACK|PLAN|TARGET)"| [\w./-]+)*$/,
          place,
        );
        assert.doesNotMatch(command, /\$\{\{/, `${place}: what a pull request says must not become a command`);
        const script = /^npm run ([\w:]+)/.exec(command)?.[1];
        assert.ok(script === undefined || SCRIPTS[script] !== undefined, place);
        const own = /^node cli\/ballast\.mjs ([a-z]+)/.exec(command)?.[1];
        if (own === undefined || checked.has(command)) continue;
        checked.add(command);
        const inner = /^node cli\/ballast\.mjs (?:gameday|chaos) ([a-z]+)/.exec(command)?.[1] ?? [];
        const words = [own].concat(inner);
        const help = helpOf(words);
        assert.match(help, new RegExp(`Usage: ballast ${words.join(" ")}\\b`), place);
        for (const [option] of command.matchAll(/--[\w-]+/g))
          assert.ok(help.includes(`${option} `) || help.includes(`${option}\n`), `${place}: ${option}`);
      }
    }
  });

  it("deploy one environment at a time, each behind its own approval, drift before anything else", () => {
    const { concurrency, jobs: deploying } = workflow("deploy.yml");
    const { deploy } = deploying;
    assert.ok(deploy);
    assert.equal(concurrency?.["cancel-in-progress"], false);
    assert.equal(deploy.environment, "${{ inputs.stack || 'dev' }}");
    assert.match(concurrency.group, /inputs\.stack \|\| 'dev'/);
    const commands = commandsOf(deploy).flatMap((command) => /ballast\.mjs (\w+)/.exec(command)?.[1] ?? []);
    assert.deepEqual(commands, ["drift", "preview", "up", "status"]);
    const text = parse(readFileSync(join(WORKFLOWS, "deploy.yml"), "utf8")) as {
      on: { workflow_dispatch: { inputs: { stack: { options: string[] } } } };
    };
    const { options } = text.on.workflow_dispatch.inputs.stack;
    assert.deepEqual([...options, "local"].sort(), stacks().sort());
  });

  it("hold one GameDay at a time, of any plan, on any stack but production, and keep its report however it ends", () => {
    const { concurrency, jobs: held } = workflow("gameday.yml");
    assert.equal(concurrency?.["cancel-in-progress"], false);
    assert.equal(concurrency.group, "gameday");
    const text = parse(readFileSync(join(WORKFLOWS, "gameday.yml"), "utf8")) as {
      on: { schedule: object[]; workflow_dispatch: { inputs: Record<"plan" | "stack", { options: string[] }> } };
    };
    const { plan, stack } = text.on.workflow_dispatch.inputs;
    assert.deepEqual([...plan.options].sort(), plans.map(({ name }) => name).sort());
    assert.deepEqual([...stack.options, "prod"].sort(), stacks().sort());
    assert.equal(text.on.schedule.length, 1);
    for (const [name, job] of Object.entries(held)) {
      const commands = commandsOf(job).filter((command) => command.includes("gameday"));
      assert.ok(commands.length === 1 && /gameday run "\$PLAN" --stack/.test(commands[0] ?? ""), name);
      const upload = job.steps.find(({ uses }) => uses?.startsWith("actions/upload-artifact"));
      assert.equal(upload?.if, "${{ always() }}", name);
      assert.equal(upload?.with?.["path"], ".ballast/gamedays", name);
      const minutes = Number(job["timeout-minutes"]);
      for (const { name: of, abort } of plans)
        assert.ok(minutes * 60 > abort.deadline + 3600, `${name} would be cut off before ${of} is over`);
    }
  });

  it("put every pull request under a little load", () => {
    const { smoke } = workflow("load-smoke.yml").jobs;
    assert.ok(smoke);
    assert.deepEqual(
      commandsOf(smoke).filter((command) => command.startsWith("node ")),
      ["node cli/ballast.mjs up local --yes", "node cli/ballast.mjs load local --profile smoke"],
    );
  });

  it("check a pull request by steps that run here as well", async () => {
    const checkout = await Checkout.make();
    try {
      await checkout.declare('import { RandomPet } from "@pulumi/random/randomPet";\nnew RandomPet("pet");\n');
      for (const stack of ["local", "staging", "prod"]) rmSync(join(checkout.folder, "stacks", `Pulumi.${stack}.yaml`));
      const git = (...args: string[]): void => void execFileSync("git", args, { cwd: checkout.folder });
      git("init", "-q", "-b", "main");
      appendFileSync(join(checkout.folder, ".git", "info", "exclude"), "node_modules\n");
      git("add", "-A");
      git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "base");
      await checkout.declare(
        'import { RandomPet } from "@pulumi/random/randomPet";\nnew RandomPet("pet", { length: 4 });\n',
      );
      const { check } = workflow("pr.yml").jobs;
      assert.ok(check);
      const [command, ...others] = commandsOf(check).filter((each) => each.startsWith("node "));
      assert.equal(others.length, 0);
      const { code, stderr } = await checkout.ballast((command ?? "").split(" ").slice(2));
      assert.equal(code, exit.done, stderr);
      const read = (file: string): string => readFileSync(join(checkout.folder, file), "utf8");
      assert.ok(read("check.md").startsWith(MARKER));
      assert.match(read("check.md"), /dev: 1 (replaced|changed)/);
      assert.equal((JSON.parse(read("check.sarif")) as { version: string }).version, "2.1.0");
    } finally {
      await checkout.remove();
    }
  });
});

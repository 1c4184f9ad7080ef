import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Crypter } from "../state/secrets";
import {
  backendRoot,
  configEnvironment,
  loadProject,
  loadStackSettings,
  resolveConfig,
  setConfigValue,
  setSecretConfigValue,
  stacksWithSettings,
  unknownStack,
  type StackConfig,
} from "./index";

const passphrase = async (): Promise<string> => "correct horse";
const none = async (): Promise<undefined> => undefined;

describe("a project", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ballast-project-"));
    await mkdir(join(root, "infra"));
    await mkdir(join(root, "stacks"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const write = (file: string, text: string): Promise<void> => writeFile(join(root, file), text);
  const PROJECT = "name: shop\nruntime: nodejs\nmain: infra\nstackConfigDir: stacks\n";

  async function config(stack: string, more = "", source = passphrase): Promise<StackConfig> {
    await write("Pulumi.yaml", PROJECT + more);
    await write("stacks/Pulumi.dev.yaml", stack);
    const project = await loadProject(root);
    return resolveConfig(project, await loadStackSettings(project, "dev"), source);
  }

  it("is found from a folder inside it", async () => {
    await write("Pulumi.yaml", PROJECT);
    await write("stacks/Pulumi.dev.yaml", "");
    const project = await loadProject(join(root, "infra"));
    assert.equal(project.name, "shop");
    assert.equal(project.pwd, join(root, "infra"));
    assert.equal(project.main, ".");
    assert.equal(project.stackConfigDir, join(root, "stacks"));
    assert.deepEqual(project.runtime.options, { typescript: true, nodeargs: [] });
    assert.deepEqual(await stacksWithSettings(project), ["dev"]);
  });

  it("may have a file as its main, and options for node", async () => {
    await write("infra/start.ts", "");
    await write(
      "Pulumi.yaml",
      "name: shop\nmain: infra/start.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --trace-warnings -r x\n",
    );
    const project = await loadProject(root);
    assert.deepEqual([project.pwd, project.main], [join(root, "infra"), "start.ts"]);
    assert.deepEqual(project.runtime.options, { typescript: false, nodeargs: ["--trace-warnings", "-r", "x"] });
  });

  const bad: [name: string, text: string, message: RegExp][] = [
    ["malformed YAML", "name: shop\n  runtime: [", /Pulumi\.yaml:1:7 is malformed YAML/],
    ["no name", "runtime: nodejs\n", /`name` is missing: the project's name/],
    [
      "a name of the wrong type",
      "name: [a]\nruntime: nodejs\n",
      /Pulumi\.yaml:1: `name` must be a string, but is a list/,
    ],
    [
      "another runtime",
      "name: shop\nruntime: python\n",
      /Pulumi\.yaml:2: `runtime` is "python"; .* Use the Pulumi CLI/,
    ],
    [
      "a main outside",
      "name: shop\nruntime: nodejs\nmain: ../x\n",
      /Pulumi\.yaml:3: `main` is "\.\.\/x"; it must lie inside/,
    ],
    [
      "a main that is not there",
      "name: shop\nruntime: nodejs\nmain: nowhere\n",
      /`main` is "nowhere", but .* does not exist/,
    ],
    [
      "an option of the wrong type",
      "name: shop\nruntime:\n  name: nodejs\n  options:\n    typescript: 7\n",
      /:5: `typescript` must be true or false, but is an integer/,
    ],
    [
      "a declared type that there is not",
      "name: shop\nruntime: nodejs\nconfig:\n  size: { type: float }\n",
      /:4: `type` of size is "float"; it must be one of string, integer/,
    ],
  ];
  for (const [name, text, message] of bad) {
    it(`names file, line and fix: ${name}`, async () => {
      await write("Pulumi.yaml", text);
      await assert.rejects(loadProject(root), message);
    });
  }

  it("keeps its state in its own folder, or in the one that it or the environment names", async () => {
    await write("Pulumi.yaml", PROJECT);
    assert.equal(backendRoot(await loadProject(root), {}), root);
    await write("Pulumi.yaml", `${PROJECT}backend:\n  url: file://state\n`);
    const project = await loadProject(root);
    assert.equal(backendRoot(project, {}), join(root, "state"));
    assert.equal(backendRoot(project, { PULUMI_BACKEND_URL: "file:///elsewhere" }), "/elsewhere");
    assert.throws(
      () => backendRoot(project, { PULUMI_BACKEND_URL: "https://me:pw@example.org/x" }),
      (error: Error) =>
        /PULUMI_BACKEND_URL is "https:\/\/\*\*\*\*@example\.org\/x"; .* Use the Pulumi CLI/.test(error.message) &&
        !error.message.includes("pw@"),
    );
  });

  it("hands configuration to a program as the CLI does", async () => {
    const { values, secretKeys, recorded } = await config(
      "config:\n  shop:text: plain\n  count: 3\n  shop:big: 12345678901234567890\n  shop:on: true\n  shop:list: [1, {b: 2.5, a: x}]\n  kubernetes:config:context: c\n",
    );
    assert.deepEqual(values, {
      "kubernetes:context": "c",
      "shop:big": "12345678901234567890",
      "shop:count": "3",
      "shop:list": '[1,{"a":"x","b":2.5}]',
      "shop:on": "true",
      "shop:text": "plain",
    });
    assert.deepEqual(secretKeys, []);
    assert.equal(recorded["shop:count"], "3");
    const environment = configEnvironment({ values: { "shop:a": "1" }, secretKeys: ["shop:a"], recorded });
    assert.deepEqual(environment, { PULUMI_CONFIG: '{"shop:config:a":"1"}', PULUMI_CONFIG_SECRET_KEYS: '["shop:a"]' });
  });

  it("adds the project's defaults, and checks the types that it declares", async () => {
    const declared =
      "config:\n  size:\n    type: integer\n    default: 3\n  names:\n    type: array\n    items: { type: string }\n  aws:region: eu-west-1\n";
    assert.deepEqual((await config("config: { shop:names: [a] }\n", declared)).values, {
      "aws:region": "eu-west-1",
      "shop:names": '["a"]',
      "shop:size": "3",
    });
    await assert.rejects(
      config("config: {}\n", declared),
      /missing configuration value names, .* add it under `config` in .*Pulumi\.dev\.yaml/,
    );
    await assert.rejects(
      config("config:\n  shop:names: [a]\n  shop:size: many\n", declared),
      /Pulumi\.dev\.yaml:3: size must be of type integer, as .*Pulumi\.yaml:6 declares; it is "many"/,
    );
    await assert.rejects(config("config:\n  shop:names: a\n", declared), /:2: names must be of type array of string/);
    await assert.rejects(
      config("config:\n  shop:token: clear\n", "config:\n  token: { type: string, secret: true }\n"),
      (error: Error) => /token must be encrypted/.test(error.message) && !error.message.includes("clear"),
    );
  });

  it("decrypts secrets, deep ones too", async function () {
    this.timeout(60_000);
    const crypter = await Crypter.generate("correct horse");
    const secure = (text: string): string => `{ secure: "${crypter.encrypt(text)}" }`;
    const stack = `encryptionsalt: ${crypter.saltState}\nconfig:\n  shop:token: ${secure("t0k")}\n  shop:db: { password: ${secure("pw")}, port: 5432 }\n`;
    const { values, secretKeys, recorded } = await config(stack);
    assert.deepEqual(values, { "shop:db": '{"password":"pw","port":5432}', "shop:token": "t0k" });
    assert.deepEqual(secretKeys, ["shop:db", "shop:token"]);
    assert.ok(!JSON.stringify(recorded).includes("t0k"));

    await assert.rejects(
      config(stack, "", async () => "wrong"),
      /incorrect passphrase for the stack dev \(.*Pulumi\.dev\.yaml\)/,
    );
    await assert.rejects(config(stack, "", none as never), /passphrase must be set with PULUMI_CONFIG_PASSPHRASE/);
    const project = await loadProject(root);
    const blind = await resolveConfig(project, await loadStackSettings(project, "dev"), "blind");
    assert.equal(blind.values["shop:token"], "[secret]");
    await assert.rejects(
      config(stack.replace(/^encryptionsalt.*\n/, "")),
      /:2 is encrypted, but .* has no `encryptionsalt`/,
    );
    const damaged = stack.replace(/(shop:token: \{ secure: "v1:)..../, "$1AAAA");
    await assert.rejects(config(damaged), /:3: shop:token cannot be decrypted .* set it again/);
  });

  const badStacks: [name: string, text: string, message: RegExp][] = [
    ["malformed YAML", "config:\n  a: [", /Pulumi\.dev\.yaml:\d+:\d+ is malformed YAML/],
    ["a list instead of a map", "- a\n", /Pulumi\.dev\.yaml must be a map, but is a list/],
    ["config of the wrong type", "config: 7\n", /:1: `config` must be a map, but is an integer/],
    ["a key that is none", "config:\n  a:b:c: 1\n", /:2: "a:b:c" is not a configuration key/],
    ["a key given twice", "config:\n  a: 1\n  shop:a: 2\n", /:3: shop:a is given twice/],
    [
      "another secrets provider",
      "secretsprovider: awskms://x\n",
      /:1: `secretsprovider` is "awskms:\/\/x"; .* Use the Pulumi CLI/,
    ],
    ["environments of the cloud", "environment: [x]\n", /:1: `environment` names environments of Pulumi Cloud/],
  ];
  for (const [name, text, message] of badStacks) {
    it(`names file, line and fix in a stack's file: ${name}`, () => assert.rejects(config(text), message));
  }

  it("knows its stacks", async () => {
    await write("Pulumi.yaml", PROJECT);
    const project = await loadProject(root);
    assert.match(
      unknownStack(project, "prd", ["prod", "dev"]).message,
      /no stack named "prd" in the project shop: its stacks are dev, prod\. To make it, write .*Pulumi\.prd\.yaml/,
    );
    assert.equal((await loadStackSettings(project, "prd")).exists, false);
  });

  it("edits a stack's file and leaves the rest as it is", async function () {
    this.timeout(60_000);
    const stack = "# why\nconfig:\n  # the size\n  shop:size: 3 # three\n  shop:other: { a: 1 }\n";
    await config(stack);
    const project = await loadProject(root);
    await setConfigValue(project, "dev", "size", 4n);
    const file = join(root, "stacks", "Pulumi.dev.yaml");
    assert.equal(await readFile(file, "utf8"), stack.replace("size: 3", "size: 4"));
    await setSecretConfigValue(project, "dev", "token", "t0k", passphrase);
    await setSecretConfigValue(project, "dev", "other", "0th", passphrase);
    const text = await readFile(file, "utf8");
    assert.ok(!text.includes("t0k") && text.includes("# the size"));
    const { values } = await resolveConfig(project, await loadStackSettings(project, "dev"), passphrase);
    assert.deepEqual(values, { "shop:other": "0th", "shop:size": "4", "shop:token": "t0k" });
    await assert.rejects(setConfigValue(project, "dev", "a:b:c:d", 1n), /is not a configuration key/);
    assert.equal(await readFile(file, "utf8"), text);
  });
});

import assert from "node:assert/strict";
import { container, deployment, podSpec, resource, run } from "../testing";
import { noPlainSecret as rule } from "./no-plain-secret";

const metadata = { name: "web", namespace: "shop" };
const withEnv = (name: string, value: string) =>
  deployment(podSpec({ containers: [container({ env: [{ name, value }] })] }));
const configMap = (data: Record<string, string>) => resource("kubernetes:core/v1:ConfigMap", { metadata, data });
const secret = (stringData: Record<string, string>) =>
  resource("kubernetes:core/v1:Secret", { metadata, stringData, type: "Opaque" });

/** Put together here, so that no scanner of this repository takes them for real ones. */
const AWS = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
const JWT = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", "c2lnbmF0dXJlLTEyMzQ"].join(".");
const ADDRESS = ["postgresql://app", "s3cr3t@db:5432/shop"].join(":");
const KEY = ["-----BEGIN RSA PRIVATE", "KEY-----"].join(" ");
const RANDOM = "q8Zt3vXw1LmN5pRb7YcF2hKd9GsJ4aTe6UiOxQzW";

describe("policy no-plain-secret", () => {
  const innocent: readonly [string, string][] = [
    ["DB_PASSWORD_FILE", "/run/secrets/db"],
    ["TOKEN_URL", "https://login.example.com/token"],
    ["SECRET_NAME", "postgres-superuser"],
    ["DB_PASSWORD", "$(PASSWORD_FROM_SECRET)"],
    ["PASSWORD", ""],
    ["MAX_TOKENS", "4096"],
    ["PASSWORD_MIN_LENGTH", "12"],
    ["IMAGE", `app@sha256:${"0123456789abcdef".repeat(4)}`],
    ["DATABASE_URL", "postgresql://app@db:5432/shop"],
    ["KEYCLOAK_REALM", "shop"],
  ];
  for (const [name, value] of innocent) {
    it(`passes ${name}=${value}`, async () =>
      assert.deepEqual(await run(rule, [withEnv(name, value)]), { violations: [], notes: [] }));
  }

  const suspicious: readonly [string, string, RegExp][] = [
    ["DB_PASSWORD", "hunter2", /env\.DB_PASSWORD .* its name is that of a credential/],
    ["apiKey", "abc", /its name is that of a credential/],
    ["CLIENT_SECRET", "s3cr3t", /its name is that of a credential/],
    ["AWS_ID", AWS, /it holds an AWS access key/],
    ["BEARER", JWT, /it holds a JSON web token/],
    ["DATABASE_URL", ADDRESS, /it holds a password in an address/],
    ["PEM", KEY, /it holds a private key/],
    ["SALT", RANDOM, /it is long and random/],
  ];
  for (const [name, value, why] of suspicious) {
    it(`reports ${name} without repeating it`, async () => {
      const [message = "", ...others] = (await run(rule, [withEnv(name, value)])).violations;
      assert.deepEqual(others, []);
      assert.match(message, why);
      assert.match(message, /^Deployment shop\/web, container 'app': /);
      assert.ok(!message.includes(value));
    });
  }

  it("looks into arguments, annotations and ConfigMaps, and into files within them", async () => {
    const files = { "app.yaml": "db:\n  user: app\n  password: hunter2\n", "app.json": '{"db":{"apiKey":"abc"}}' };
    const annotated = resource("kubernetes:core/v1:Service", {
      metadata: { ...metadata, annotations: { token: "abc" } },
    });
    const argued = deployment(podSpec({ containers: [container({ args: ["--key", AWS] })] }));
    const { violations } = await run(rule, [configMap(files), annotated, argued]);
    assert.deepEqual(
      violations.map((each) => /: ((?:data|metadata|args)\.\S+)/.exec(each)?.[1]),
      ["data.app.yaml", "data.app.json", "metadata.annotations.token", "args.1"],
    );
  });

  it("passes configuration that says where a credential is, and programs that read one", async () => {
    const data = {
      "app.conf": "password_file = /run/secrets/db\nport = 80\n",
      "app.yml": "password: ${DB_PASSWORD}\ntoken: {{ .Data.token }}\n",
      "app.py": "import os\npassword = os.environ['DB_PASSWORD']\n",
      "dynamic.json": '{"postgresql":{"parameters":{"password_encryption":"scram-sha-256"}}}',
    };
    assert.deepEqual((await run(rule, [configMap(data)])).violations, []);
  });

  it("lets a Secret hold what it is for, but nothing that everybody guesses", async () => {
    assert.deepEqual((await run(rule, [secret({ username: "postgres", password: RANDOM })])).violations, []);
    const data = resource("kubernetes:core/v1:Secret", { metadata, data: { password: "Y2hhbmdlbWU=" } });
    for (const weak of [secret({ password: "changeme" }), data]) {
      const [message = ""] = (await run(rule, [weak])).violations;
      assert.match(message, /password is among the passwords that are tried first; generate one/);
      assert.ok(!message.includes("changeme"));
    }
  });

  it("finds a guessable password in a chart's values", async () => {
    const values = { grafana: { adminPassword: "admin" }, auth: { existingSecret: "web" } };
    const release = resource("kubernetes:helm.sh/v3:Release", { chart: "grafana", values });
    assert.deepEqual((await run(rule, [release])).violations, [
      "Release web: values.grafana.adminPassword is among the passwords that are tried first; generate one",
    ]);
  });
});

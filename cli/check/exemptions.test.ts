import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit } from "../errors";
import { Checkout } from "../testing/checkout";

/** Of what the program declares, and keeps without an exemption. */
const entry = { kind: "StatefulSet", namespace: "data", name: "postgres", stacks: ["local"], reason: "of the test" };

describe("exemptions on the command line", function () {
  this.timeout(300_000);
  let checkout: Checkout;
  /** Index of the first entry of the test in the file. */
  let first: number;
  let tomorrow: string;

  before(async () => {
    checkout = await Checkout.make();
    const file = join(checkout.folder, "policies", "exemptions.json");
    const list = JSON.parse(readFileSync(file, "utf8")) as unknown[];
    first = list.length;
    tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    list.push(
      { ...entry, rule: "image-pinned", expires: "2026-01-31" },
      { ...entry, rule: "seccomp", name: "postgress", expires: tomorrow },
    );
    writeFileSync(file, JSON.stringify(list));
  });
  after(() => checkout.remove());

  for (const command of [
    ["check", "--stack", "local", "--json"],
    ["preview", "local", "--offline"],
  ]) {
    it(`are refused by \`ballast ${command.join(" ")}\` once expired, and when they match nothing`, async () => {
      const { code, stdout, stderr } = await checkout.ballast(command);
      const said = `${stdout}${stderr}`.replace(/\s+/g, " ");
      assert.equal(code, exit.policy, said);
      const place = (index: number) => `policies/exemptions.json: entry ${index}: the exemption of StatefulSet data/`;
      for (const words of [
        `${place(first)}postgres from 'image-pinned' expired on 2026-01-31, and today is `,
        "fix the cause and remove the entry, or renew it with a reason",
        `${place(first + 1)}postgress from 'seccomp' covers nothing in this stack; remove the entry, or correct its kind`,
      ]) {
        assert.ok(said.includes(words), `${words}\n${said}`);
      }
    });
  }
});

import assert from "node:assert/strict";
import { markdown, MARKER } from "./markdown";
import { summary } from "./summary";
import { checkReport, demand, stackReport, statefulSet } from "./testing";

const change = {
  kind: "replaced" as const,
  urn: statefulSet,
  type: "kubernetes:apps/v1:StatefulSet",
  name: "postgres",
  properties: [
    { path: "spec.replicas", before: "3", after: "5", replaces: false },
    { path: "spec.serviceName", before: '"a|b"', after: '"<b>@you</b>"', replaces: true },
  ],
};
const compared = stackReport({
  comparison: { kind: "compared", changes: [change], demand: demand({ cpu: 500, usdPerMonth: 8 }) },
});

describe("the comment for a pull request", () => {
  it("begins with its marker and the verdict, and shows sizes before and after", () => {
    const text = markdown(checkReport([compared]));
    assert.ok(text.startsWith(`${MARKER}\n### \`ballast check\`: every stack passes\n`));
    assert.match(
      text,
      /\| dev \| passed \| 7 \| 1 replaced \| 0 \| 0 \| 3 \| 0\.5 → 1\.5 \| 3\.0 GiB \| 10\.0 GiB \| 8 → 13 \|/,
    );
    assert.match(text, /Compared with merge base of main, 0123456789ab\./);
    assert.match(text, /<details><summary>dev: 1 replaced<\/summary>/);
    assert.match(text, /spec\.serviceName.*forces a replacement/);
  });

  it("lets no value become markup, mention anybody or leave its cell", () => {
    const violation = { policy: "probes", pack: "p", message: "a | b\n@team [x](http://y) <img> `c`" };
    const text = markdown(
      checkReport([compared, stackReport({ stack: "prod", result: "violated", violations: [violation] })]),
    );
    assert.doesNotMatch(text, /@you|@team|<img|<b>|\]\(/);
    assert.match(text, /### `ballast check`: a policy is violated/);
    for (const line of text.split("\n").filter((each) => each.startsWith("| <code>probes")))
      assert.equal(line.split(/(?<!\\)\|/).length, 5, line);
  });

  it("opens what is wrong, folds the rest, and names stacks that fail, are new, gone, or fail in the base", () => {
    const text = markdown(
      checkReport(
        [
          stackReport({ result: "failed", errors: ["first\n~~~~\nsecond"], demand: undefined }),
          stackReport({ stack: "new", comparison: { kind: "new" } }),
          stackReport({ stack: "odd", comparison: { kind: "impossible", errors: ["was broken"] } }),
          stackReport({ stack: "sum", demand: demand({ uncounted: ["Deployment web: unknown"] }) }),
        ],
        { removedStacks: ["old"], notes: ["a note"] },
      ),
    );
    assert.match(text, /<details open><summary>dev: failed<\/summary>\n\n~~~~text\nfirst\n~~~ \nsecond\n~~~~/);
    assert.match(text, /\| new \| passed \| 7 \| new stack \|/);
    assert.match(text, /\| odd \| passed \| 7 \| base fails \|/);
    assert.match(text, /≥ 13 \|/);
    assert.match(text, /stack <code>old<\/code> of the base is gone/);
    assert.match(text, /a note/);
  });

  it("stays within what GitHub takes, the verdict first", () => {
    const long = { policy: "probes", pack: "p", message: "x".repeat(30_000) };
    const text = markdown(checkReport(["a", "b", "c"].map((stack) => stackReport({ stack, warnings: [long] }))));
    assert.ok(text.length < 65_536, String(text.length));
    assert.match(text, /There is more: run `ballast check`/);
  });
});

describe("the summary of a check on a terminal", () => {
  it("tells each property that changes, and the table last", () => {
    const text = summary(
      checkReport([compared, stackReport({ stack: "prod", warnings: [{ policy: "p", pack: "q", message: "m" }] })]),
    );
    assert.match(text, /prod: warning of p\n {4}m\n/);
    assert.match(
      text,
      /dev, against the base:\n {2}± kubernetes:apps\/v1:StatefulSet postgres\n {6}spec\.replicas: 3 → 5\n/,
    );
    assert.match(text.trimEnd().split("\n").at(-1) ?? "", /^prod +passed +7/);
  });
});

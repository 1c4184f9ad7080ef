import assert from "node:assert/strict";
import { lineChart } from "./chart";
import { markup } from "./html";
import { badge, facts, page, tableOf } from "./page";

describe("the pieces of a report", () => {
  const hostile = `<script>alert("1")</script>&'`;

  it("escape every value, whichever piece it stands in", () => {
    const text = page(hostile, [
      {
        title: hostile,
        body: [
          hostile,
          tableOf([hostile], [[hostile, markup`<b>${hostile}</b>`, undefined]]),
          badge("bad", hostile),
          facts([[hostile, hostile]]),
          lineChart({
            title: hostile,
            unit: hostile,
            series: [{ name: hostile, points: [{ x: 0, y: 1 }] }],
            limit: { name: hostile, value: 1 },
            marks: [{ name: hostile, x: 1 }],
            spans: [{ name: hostile, from: 0, to: 1 }],
          }),
        ],
      },
    ]);
    assert.doesNotMatch(text, /<script|alert\("/);
    assert.ok(text.split("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;").length > 12);
    assert.match(text, /<b>&lt;script/);
  });

  it("make a page that asks for nothing from elsewhere, and forbids it", () => {
    const text = page("a", [{ title: "b", body: "c" }]);
    assert.match(text, /default-src 'none'/);
    assert.doesNotMatch(text, /https?:|<script|<link|@import|url\(/);
  });

  it("draw a gap where nothing was measured, and say so where nothing was at all", () => {
    const points = [1, 2, undefined, 3, 4].map((y, x) => ({ x, y }));
    const chart = lineChart({ title: "t", unit: "ms", series: [{ name: "a", points }] });
    assert.equal(chart.text.match(/ d="([^"]*)"/)?.[1]?.match(/M/g)?.length, 2);
    assert.match(lineChart({ title: "t", unit: "ms", series: [] }).text, /no data/);
  });

  it("put the highest value at the top of a round scale, and a limit where it belongs", () => {
    const series = [{ name: "a", points: [0, 100].map((y, x) => ({ x, y })) }];
    const { text } = lineChart({ title: "t", unit: "ms", series, limit: { name: "limit", value: 50 } });
    assert.match(text, /d="M56 214L948 22"/);
    assert.match(text, /class="limit" x1="56" y1="118" x2="948" y2="118"/);
    assert.match(
      lineChart({ title: "t", unit: "ms", series, limit: { name: "far", value: 5000 } }).text,
      /far is above/,
    );
  });
});

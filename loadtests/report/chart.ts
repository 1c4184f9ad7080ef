import { markup, type Html, type Part } from "./html";

/** A line. Where a point has no `y`, nothing was measured, and the line has a gap. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Point {
  /** Seconds since the beginning. */
  readonly x: number;
  readonly y: number | undefined;
}

export interface Chart {
  readonly title: string;
  /** Of the y axis, such as `ms`. */
  readonly unit: string;
  readonly series: readonly Series[];
  /**
   * A level that should not be crossed.
   * @default none
   */
  readonly limit?: { readonly name: string; readonly value: number };
  /**
   * Moments.
   * @default none
   */
  readonly marks?: readonly { readonly name: string; readonly x: number }[];
  /**
   * Times in which something held, such as a fault.
   * @default none
   */
  readonly spans?: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

const WIDTH = 960;
const HEIGHT = 240;
const EDGE = { left: 56, right: 12, top: 22, bottom: 26 };
const LEFT = EDGE.left;
const RIGHT = WIDTH - EDGE.right;
const COLOURS = 8;
const TICKS = 5;

/** A chart over time as inline SVG. */
export function lineChart(chart: Chart): Html {
  const { title, unit, series, limit, marks = [], spans = [] } = chart;
  const points = series.flatMap((each) => each.points);
  const values = points.flatMap(({ y }) => (y === undefined ? [] : [y]));
  if (values.length === 0) return figure(title, markup`<p class="open">no data</p>`);
  const xs = [...points.map(({ x }) => x), ...marks.map(({ x }) => x), ...spans.map(({ to }) => to)];
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  // A limit far above what was measured would press the lines flat against the axis.
  const shownLimit = limit !== undefined && limit.value <= highest * 4 ? limit : undefined;
  const across = scale(xs.reduce((most, x) => Math.max(most, x), 0));
  const up = scale(Math.max(highest, shownLimit?.value ?? 0));
  const x = (at: number): string => pixel(LEFT + (at / across.end) * (RIGHT - LEFT));
  const y = (at: number): string => pixel(HEIGHT - EDGE.bottom - (at / up.end) * (HEIGHT - EDGE.top - EDGE.bottom));
  const [floor, ceiling] = [y(0), y(up.end)];
  const high = (name: string, at: number, anchor: Anchor) => label(name, x(at), EDGE.top - 8, anchor);
  const drawn: Part = [
    spans.map(({ name, from, to }) => {
      const width = pixel(Number(x(to)) - Number(x(from)));
      const height = pixel(Number(floor) - Number(ceiling));
      return [
        markup`<rect class="span" x="${x(from)}" y="${ceiling}" width="${width}" height="${height}"/>`,
        high(name, from, "start"),
      ];
    }),
    up.ticks.map((at) => [
      rule("grid", LEFT, y(at), RIGHT, y(at)),
      label(short(at), LEFT - 6, Number(y(at)) + 4, "end"),
    ]),
    across.ticks.map((at) => label(`${short(at)} s`, x(at), HEIGHT - 8, "middle")),
    shownLimit && [
      rule("limit", LEFT, y(shownLimit.value), RIGHT, y(shownLimit.value)),
      label(shownLimit.name, RIGHT, Number(y(shownLimit.value)) - 4, "end"),
    ],
    marks.map(({ name, x: at }) => [rule("mark", x(at), ceiling, x(at), floor), high(name, at, "middle")]),
    series.map(
      ({ points: own }, index) =>
        markup`<path class="series" style="stroke: ${colour(index)}" d="${path(own, x, y)}"/>`,
    ),
  ];
  const legend = [
    series.map(({ name }, index) => markup`<span><i style="border-color: ${colour(index)}"></i>${name}</span>`),
    limit && shownLimit === undefined ? markup`<span>${limit.name} is above the chart</span>` : undefined,
  ];
  return figure(
    `${title} (${unit})`,
    markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">${drawn}</svg>
<div class="legend">${legend}</div>`,
  );
}

const colour = (index: number): string => `var(--s${index % COLOURS})`;

const figure = (caption: string, body: Part): Html =>
  markup`<figure><figcaption>${caption}</figcaption>${body}</figure>`;

type Anchor = "start" | "middle" | "end";
type At = string | number;
const label = (text: string, x: At, y: At, anchor: Anchor): Html =>
  markup`<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;

const rule = (kind: "grid" | "limit" | "mark", x1: At, y1: At, x2: At, y2: At): Html =>
  markup`<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;

function path(points: readonly Point[], x: (at: number) => string, y: (at: number) => string): string {
  let down = false;
  const steps: string[] = [];
  points.forEach((point, index) => {
    if (point.y === undefined) {
      down = false;
      return;
    }
    steps.push(`${down ? "L" : "M"}${x(point.x)} ${y(point.y)}`);
    // A point between two gaps would leave no trace.
    if (!down && points[index + 1]?.y === undefined) steps.push("h1.5");
    down = true;
  });
  return steps.join("");
}

/** From 0 to the first round number at or above `most`. */
function scale(most: number): { end: number; ticks: number[] } {
  const rough = (most > 0 ? most : 1) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return { end: step * count, ticks: Array.from({ length: count + 1 }, (_, index) => step * index) };
}

const pixel = (at: number): string => String(Math.round(at * 10) / 10);
const short = (value: number): string => String(Number(value.toPrecision(4)));

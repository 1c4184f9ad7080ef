import { markup, Html, type Part } from "./html";
import { style } from "./style";

export interface Section {
  readonly title: string;
  readonly body: Part;
}

/** One document that needs nothing beside it: no script, no font, no request. */
export function page(title: string, sections: readonly Section[]): string {
  const body = sections.map(
    ({ title: heading, body: content }) => markup`<section>
<h2>${heading}</h2>
${content}
</section>
`,
  );
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<h1>${title}</h1>
${body}</body>
</html>
`.text;
}

/** A table; a cell that is nothing stays empty. Wide ones scroll by themselves. */
export function tableOf(header: readonly string[], rows: readonly (readonly Part[])[]): Html {
  const head = header.map((cell) => markup`<th scope="col">${cell}</th>`);
  const lines = rows.map((row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`);
  return markup`<div class="wide"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${lines}</tbody>
</table></div>`;
}

/** A word with a colour, which is never told by the colour alone. */
export const badge = (kind: "good" | "bad" | "open", word: string): Html =>
  markup`<span class="badge ${kind}">${word}</span>`;

/** Names with their values, such as the circumstances of a run; those without a value are left out. */
export function facts(pairs: readonly (readonly [name: string, value: Part])[]): Html {
  const known = pairs.filter(([, value]) => value !== undefined && value !== "");
  return markup`<dl>${known.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

/** Text that is HTML already. Everything else is escaped where it is put into a page. */
export class Html {
  constructor(readonly text: string) {}
}

export type Part = Html | string | number | undefined | readonly Part[];

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** A page may not hold these at all, escaped or not: XML and HTML know no way to write them. */
// eslint-disable-next-line no-control-regex
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

export const escaped = (text: string): string =>
  text.replaceAll(unwritable, "\ufffd").replaceAll(/[&<>"']/g, (character) => escapes[character] ?? "");

function written(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escaped(part);
  if (typeof part === "number") return String(part);
  return part.map(written).join("");
}

/** A piece of a page: what stands in the template is taken as it is, every value in it is escaped. */
export const markup = (template: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(template.map((text, index) => text + written(values[index])).join(""));

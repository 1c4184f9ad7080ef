import type { StepOp } from "../events";

export type Style = "green" | "yellow" | "red" | "cyan" | "magenta" | "dim";

interface Wording {
  /** Two characters, as Pulumi users know them. */
  readonly sign: string;
  readonly style: Style;
  /** In previews. */
  readonly plan: string;
  readonly running: string;
  readonly done: string;
}

const word = (sign: string, style: Style, plan: string, running: string, done: string): Wording => ({
  sign,
  style,
  plan,
  running,
  done,
});

const WORDINGS: Readonly<Record<StepOp, Wording>> = {
  same: word("  ", "dim", "", "", ""),
  create: word("+ ", "green", "create", "creating", "created"),
  update: word("~ ", "yellow", "update", "updating", "updated"),
  delete: word("- ", "red", "delete", "deleting", "deleted"),
  replace: word("+-", "magenta", "replace", "replacing", "replaced"),
  "create-replacement": word("++", "green", "create replacement", "creating replacement", "created replacement"),
  "delete-replaced": word("--", "red", "delete original", "deleting original", "deleted original"),
  read: word("> ", "cyan", "read", "reading", "read"),
  "read-replacement": word(">>", "cyan", "read for replacement", "reading for replacement", "read for replacement"),
  refresh: word("~ ", "yellow", "refresh", "refreshing", "refreshed"),
  discard: word("< ", "red", "discard", "discarding", "discarded"),
  import: word("= ", "cyan", "import", "importing", "imported"),
};

export const wordingOf = (op: StepOp): Wording => WORDINGS[op];

const isOp = (name: string): name is StepOp => Object.hasOwn(WORDINGS, name);

/** `to create` or `created`, for the counts of a summary; other counts keep their name. */
export function countedAs(name: string, dryRun: boolean): string {
  if (!isOp(name)) return name;
  return dryRun ? `to ${WORDINGS[name].plan}` : WORDINGS[name].done;
}

export const signOf = (name: string): string => (isOp(name) ? WORDINGS[name].sign : "  ");

/** Steps that change nothing. */
export const isIdle = (op: StepOp): boolean => op === "same" || op === "read";

/** `4s`, `0.3s`, `2m5s`. */
export function seconds(milliseconds: number): string {
  const total = milliseconds / 1000;
  if (total < 10) return `${Number(total.toFixed(1))}s`;
  const whole = Math.round(total);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${whole % 60}s`;
}

/** `text` within `width` characters, its end given up for `…`. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width < 1 ? "" : `${characters.slice(0, width - 1).join("")}…`;
}

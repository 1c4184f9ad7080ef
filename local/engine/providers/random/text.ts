import { below, type ByteSource, shuffled } from "./source";

/** Which characters a text is made of, and how many of each kind it has at least. */
export interface TextRules {
  readonly length: number;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly numeric: boolean;
  readonly special: boolean;
  readonly minLower: number;
  readonly minUpper: number;
  readonly minNumeric: number;
  readonly minSpecial: number;
  /** Takes the place of the usual special characters. */
  readonly overrideSpecial: string;
}

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const NUMERIC = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** Why no text can satisfy `rules`; undefined when one can. */
export function contradiction(rules: TextRules): string | undefined {
  if (!rules.lower && !rules.upper && !rules.numeric && !rules.special) {
    return "at least one of lower, upper, numeric and special must be true";
  }
  const minimum = rules.minLower + rules.minUpper + rules.minNumeric + rules.minSpecial;
  if (minimum > rules.length) {
    return `minLower + minUpper + minNumeric + minSpecial is ${minimum}, more than the length ${rules.length}`;
  }
  return undefined;
}

export function randomText(rules: TextRules, source: ByteSource): string {
  const special = rules.overrideSpecial === "" ? SPECIAL : rules.overrideSpecial;
  const kinds = [
    { set: [...LOWER.toUpperCase()], used: rules.upper, minimum: rules.minUpper },
    { set: [...LOWER], used: rules.lower, minimum: rules.minLower },
    { set: [...NUMERIC], used: rules.numeric, minimum: rules.minNumeric },
    { set: [...special], used: rules.special, minimum: rules.minSpecial },
  ];
  const take = (set: string[], count: number): string[] =>
    Array.from({ length: count }, () => set[below(set.length, source)] as string);
  const required = kinds.flatMap((kind) => take(kind.set, kind.minimum));
  const all = kinds.filter((kind) => kind.used).flatMap((kind) => kind.set);
  return shuffled([...required, ...take(all, rules.length - required.length)], source).join("");
}

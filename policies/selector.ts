import { at, isList, isMap, Unknown, type Value } from "./value";

/**
 * Whether a label selector (`matchLabels` and `matchExpressions`) selects `labels`. An empty selector selects everything, as it does in a
 * PodDisruptionBudget of `policy/v1`; none at all selects nothing. An {@link Unknown} part that decides is given back.
 */
export function selects(selector: Value | undefined, labels: Value | undefined): boolean | Unknown {
  if (selector === undefined) return false;
  if (selector instanceof Unknown) return selector;
  let undecided: Unknown | undefined;
  for (const answer of answers(selector, labels)) {
    if (answer === false) return false;
    if (answer instanceof Unknown) undecided ??= answer;
  }
  return undecided ?? true;
}

function* answers(selector: Value, labels: Value | undefined): Generator<boolean | Unknown> {
  const equal = at(selector, "matchLabels");
  if (equal instanceof Unknown) yield equal;
  for (const [key, wanted] of Object.entries(isMap(equal) ? equal : {})) {
    const label = at(labels, key);
    if (label instanceof Unknown) yield label;
    else if (wanted instanceof Unknown) yield wanted;
    else yield label === wanted;
  }
  const expressions = at(selector, "matchExpressions");
  if (expressions instanceof Unknown) yield expressions;
  for (const expression of isList(expressions) ? expressions : []) yield answer(expression, labels);
}

function answer(expression: Value, labels: Value | undefined): boolean | Unknown {
  const [key, operator, values] = [at(expression, "key"), at(expression, "operator"), at(expression, "values")];
  for (const part of [key, operator, values]) {
    if (part instanceof Unknown) return part;
  }
  const label = typeof key === "string" ? at(labels, key) : undefined;
  if (label instanceof Unknown) return label;
  const listed = label !== undefined && isList(values) && values.includes(label);
  if (operator === "In") return listed;
  if (operator === "NotIn") return !listed;
  if (operator === "Exists") return label !== undefined;
  return operator === "DoesNotExist" && label === undefined;
}

interface Selecting {
  readonly namespace: string | Unknown;
  readonly selector: Value | undefined;
}

/** Finds those among many selectors that may select a pod, without trying each on each. */
export class SelectorIndex<T extends Selecting> {
  private readonly byLabel = new Map<string, T[]>();
  /** Those that cannot be found by one label: of an unknown namespace, by expressions only, or empty. */
  private readonly others: T[] = [];

  constructor(all: readonly T[]) {
    for (const each of all) {
      const key = labelOf(each);
      const known = key === undefined ? this.others : this.byLabel.get(key);
      if (known === undefined) this.byLabel.set(key ?? "", [each]);
      else known.push(each);
    }
  }

  /** A superset of those that select pods with `labels` in `namespace`. */
  candidates(namespace: string | Unknown, labels: Value | undefined): T[] {
    if (namespace instanceof Unknown || labels instanceof Unknown || hasUnknown(labels)) {
      return [...this.byLabel.values()].flat().concat(this.others);
    }
    const pairs = Object.entries(isMap(labels) ? labels : {});
    const found = pairs.flatMap(([key, value]) => this.byLabel.get(labelKey(namespace, key, value)) ?? []);
    return [...found, ...this.others];
  }
}

const hasUnknown = (labels: Value | undefined): boolean =>
  isMap(labels) && Object.values(labels).some((value) => value instanceof Unknown);

const labelKey = (namespace: string, key: string, value: Value): string => `${namespace} ${key}=${String(value)}`;

/** The label that leads to a selector: the first that it demands. */
function labelOf({ namespace, selector }: Selecting): string | undefined {
  const equal = at(selector, "matchLabels");
  if (namespace instanceof Unknown || !isMap(equal) || hasUnknown(equal)) return undefined;
  const [first] = Object.entries(equal);
  return first === undefined ? undefined : labelKey(namespace, ...first);
}

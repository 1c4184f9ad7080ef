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

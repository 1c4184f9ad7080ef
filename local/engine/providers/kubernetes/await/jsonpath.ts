import { isJsonMap, type Json } from "../object";

type Step =
  | { kind: "key"; name: string }
  | { kind: "index"; index: number }
  | { kind: "all" }
  | { kind: "filter"; path: Step[]; equals: Json };

/** A JSONPath of the kind kubectl takes: `{.status.conditions[?(@.type=="Ready")].status}`, with or without the braces and the first dot. */
export class JsonPath {
  readonly #steps: Step[];

  /** @throws Error that names the place in the text that is not understood. */
  constructor(readonly source: string) {
    const bare = source.startsWith("{") && source.endsWith("}") ? source.slice(1, -1) : source;
    const inner = bare.replace(/^\$/, "");
    this.#steps = parseSteps(
      inner.startsWith(".") || inner.startsWith("[") || inner === "" ? inner : `.${inner}`,
      source,
    );
  }

  /** Every value that the path leads to. */
  find(value: Json): Json[] {
    return walk([value], this.#steps);
  }
}

function parseSteps(text: string, source: string): Step[] {
  const steps: Step[] = [];
  let rest = text;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(rest);
    if (match !== null) rest = rest.slice(match[0].length);
    return match;
  };
  while (rest !== "") {
    let match: RegExpExecArray | null;
    if (
      (match = take(/^\.?\[\s*\?\(\s*@((?:\\.|[^=])*?)\s*==\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^)\s]+)\s*\)\s*\]/)) !== null
    ) {
      steps.push({ kind: "filter", path: parseSteps(match[1] ?? "", source), equals: literal(match[2] ?? "") });
    } else if (take(/^\.?\[\s*\*\s*\]|^\.\*/) !== null) steps.push({ kind: "all" });
    else if ((match = take(/^\.?\[\s*(-?\d+)\s*\]/)) !== null) steps.push({ kind: "index", index: Number(match[1]) });
    else if ((match = take(/^\.?\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/)) !== null)
      steps.push({ kind: "key", name: match[1] ?? match[2] ?? "" });
    else if ((match = take(/^\.((?:\\.|[^.[\]])+)/)) !== null)
      steps.push({ kind: "key", name: (match[1] ?? "").replaceAll(/\\(.)/g, "$1") });
    else throw new Error(`JSONPath ${source} is not understood at "${rest}"`);
  }
  return steps;
}

function literal(text: string): Json {
  if (text.startsWith("'")) return text.slice(1, -1);
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function walk(values: readonly Json[], steps: readonly Step[]): Json[] {
  let here: Json[] = [...values];
  for (const step of steps) {
    here = here.flatMap((value): Json[] => {
      switch (step.kind) {
        case "key":
          return isJsonMap(value) && step.name in value ? [value[step.name] ?? null] : [];
        case "index":
          return Array.isArray(value) ? value.slice(step.index, step.index === -1 ? undefined : step.index + 1) : [];
        case "all":
          return Array.isArray(value) ? value : isJsonMap(value) ? Object.values(value) : [];
        case "filter":
          return (Array.isArray(value) ? value : []).filter((item) =>
            walk([item], step.path).some((found) => found === step.equals),
          );
      }
    });
  }
  return here;
}

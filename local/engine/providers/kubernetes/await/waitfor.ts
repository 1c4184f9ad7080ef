import { ProviderError } from "../../../provider";
import { condition, spelled, text } from "../object";
import { JsonPath } from "./jsonpath";
import { ready, waiting, type Judge } from "./verdict";

export const WAIT_FOR = "pulumi.com/waitFor";

interface Clause {
  readonly source: string;
  readonly holds: (object: Parameters<Judge>[0]["object"]) => boolean;
}

const sentence =
  'must be "jsonpath={.path}=value", "jsonpath={.path}", "condition=Type", "condition=Type=Status", or a JSON list of these';

/**
 * Reads the annotation `pulumi.com/waitFor`: every one of its clauses must hold.
 * @throws ProviderError that quotes the value and says what is right.
 */
export function waitForJudge(value: string): Judge {
  const clauses = listOf(value).map(clauseOf);
  return ({ object }) => {
    const open = clauses.filter((clause) => !clause.holds(object));
    return open.length === 0 ? ready() : waiting(`waiting for ${open.map((clause) => clause.source).join(" and ")}`);
  };
}

function listOf(value: string): string[] {
  if (!value.trimStart().startsWith("[")) return [value];
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw new ProviderError(`annotation ${WAIT_FOR}: "${value}" is not valid JSON; it ${sentence}`);
  }
  if (!Array.isArray(parsed) || parsed.length === 0 || !parsed.every((part) => typeof part === "string")) {
    throw new ProviderError(`annotation ${WAIT_FOR}: "${value}" ${sentence}`);
  }
  return parsed;
}

function clauseOf(source: string): Clause {
  const [, kind, rest = ""] = /^(jsonpath|condition)=(.*)$/s.exec(source) ?? [];
  if (kind === "condition" && rest !== "") {
    const [type = "", status = "True"] = rest.split("=", 2);
    return {
      source,
      holds: (object) => text(condition(object, type), "status").toLowerCase() === status.toLowerCase(),
    };
  }
  if (kind !== "jsonpath") throw new ProviderError(`annotation ${WAIT_FOR}: "${source}" ${sentence}`);
  const end = rest.startsWith("{") ? rest.indexOf("}") + 1 : rest.indexOf("=") < 0 ? rest.length : rest.indexOf("=");
  const [pathText, expected] = [rest.slice(0, end), rest.slice(end)];
  if (end === 0 || (expected !== "" && !expected.startsWith("=")))
    throw new ProviderError(`annotation ${WAIT_FOR}: "${source}" ${sentence}`);
  let path: JsonPath;
  try {
    path = new JsonPath(pathText);
  } catch (error) {
    throw new ProviderError(`annotation ${WAIT_FOR}: ${(error as Error).message}`);
  }
  const wanted = expected === "" ? undefined : expected.slice(1);
  return {
    source,
    holds: (object) => {
      const found = path.find(object);
      return wanted === undefined ? found.length > 0 : found.some((value) => spelled(value) === wanted);
    },
  };
}

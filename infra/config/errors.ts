import type { z } from "zod";
import { nearest } from "./nearest";

/** One thing that is wrong in a stack file. */
export interface ConfigProblem {
  /** As it is written in the file: `postgres.resources.cpu.limit`, `databases.list[0].name`. */
  readonly key: string;
  readonly message: string;
}

/** The stack's configuration is not usable; nothing has been declared yet. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(
    /** The stack's file, relative to the project. */
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const lines = problems.map(({ key, message }) => `  ${key === "" ? "" : `ballast:${key} `}${message}`);
    super(
      `${file}: ${problems.length === 1 ? "one value is" : `${problems.length} values are`} not usable\n${lines.join("\n")}`,
    );
  }
}

/** `["databases", "list", 0, "name"]` as it reads in the file: `databases.list[0].name`. */
export function keyOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (key, part) =>
      typeof part === "number" ? `${key}[${part}]` : key === "" ? String(part) : `${key}.${String(part)}`,
    "",
  );
}

/** The value at a path, or `undefined` where there is none. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  );
}

/**
 * The problems that the schema found, each with the value as it stands and what would be right.
 *
 * @param known the keys allowed at a path, to suggest one for a mistyped key
 */
export function problemsOf(
  error: z.ZodError,
  root: unknown,
  known: (path: readonly PropertyKey[]) => readonly string[],
): ConfigProblem[] {
  return error.issues.flatMap((issue): ConfigProblem[] => {
    if (issue.code === "unrecognized_keys") {
      const names = known(issue.path);
      return issue.keys.map((key) => {
        const meant = nearest(key, names);
        const hint = meant ? `did you mean "${meant}"?` : `known here: ${names.join(", ")}`;
        return { key: keyOf([...issue.path, key]), message: `is not a known key; ${hint}` };
      });
    }
    const value = valueAt(root, issue.path);
    const found = value === undefined ? "is missing; it" : `is ${JSON.stringify(value)}; it`;
    return [{ key: keyOf(issue.path), message: `${found} must be ${issue.message}` }];
  });
}

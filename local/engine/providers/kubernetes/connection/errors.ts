import { ProviderError } from "../../../provider";
import { mapsAt, text, type JsonMap } from "../object";
import type { Connection } from "./kubeconfig";

export interface Cause {
  /** `spec.selector`; an apply conflict names it as `.spec.replicas`. */
  readonly field: string;
  readonly message: string;
  readonly reason: string;
}

/** The server answered with a failure. */
export class ApiError extends Error {
  readonly reason: string;
  readonly causes: readonly Cause[];

  constructor(
    readonly code: number,
    status: JsonMap,
    readonly request: string,
  ) {
    super(text(status, "message") || `HTTP ${code}`);
    this.name = "ApiError";
    this.reason = text(status, "reason");
    this.causes = mapsAt(status["details"], "causes").map((cause) => ({
      field: text(cause, "field"),
      message: text(cause, "message"),
      reason: text(cause, "reason"),
    }));
  }

  get notFound(): boolean {
    return this.code === 404;
  }
  /** Another field manager holds what was to be applied. */
  get applyConflict(): boolean {
    return this.code === 409 && this.causes.some((cause) => cause.reason === "FieldManagerConflict");
  }
}

/** The server could not be reached, or not trusted. */
export class UnreachableError extends Error {
  constructor(
    connection: Connection,
    override readonly cause: Error,
  ) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code !== undefined && /CERT|TLS|SSL|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code)
        ? `its certificate is not trusted (${code})`
        : (code ?? cause.message);
    super(
      `the cluster at ${connection.server} (context "${connection.context}", ${connection.source}) is unreachable: ${why}`,
    );
    this.name = "UnreachableError";
  }
}

const manager = /conflict with "([^"]+)"/;

/** The message for the user: what was refused, why, and what helps. Other errors pass unchanged. */
export function explain(error: unknown, action: string): unknown {
  if (error instanceof UnreachableError) return new ProviderError(`${action}: ${error.message}`);
  if (!(error instanceof ApiError)) return error;
  if (error.applyConflict) {
    const lines = error.causes.map(
      (cause) => `  ${cause.field}: held by ${manager.exec(cause.message)?.[1] ?? cause.message}`,
    );
    return new ProviderError(
      `${action}: other field managers hold fields that the program sets:\n${lines.join("\n")}\n` +
        `Leave these fields out of the program (or name them in ignoreChanges), or take them over with the annotation pulumi.com/patchForce: "true"`,
    );
  }
  if (error.code === 401)
    return new ProviderError(`${action}: the cluster does not accept the credentials of the kubeconfig (401)`);
  if (error.code === 403 && / cannot \w+ resource /.test(error.message)) {
    return new ProviderError(
      `${action}: not allowed: ${error.message}. Give that user a role with this verb, or use another kubeconfig context`,
    );
  }
  const causes = error.causes.filter((cause) => !error.message.includes(cause.message));
  const detail = causes.map((cause) => `\n  ${cause.field}: ${cause.message}`).join("");
  return new ProviderError(`${action}: ${error.message}${detail}`);
}

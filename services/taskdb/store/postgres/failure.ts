import { DatabaseError } from "pg";
import { Unavailable } from "../store";

/** What went wrong, as far as it decides whether the same may be tried again. */
export type Failure =
  /** It was not carried out, for certain: the connection was refused, or the statement rolled back. */
  | "not-done"
  /** The connection broke after the statement was sent. */
  | "unknown"
  /** Nor was this; but there is too much to do, and to try again would make it more. */
  | "overload"
  /** Two transactions stood in each other's way: the next try may well succeed at once. */
  | "conflict"
  /** The statement itself is at fault. */
  | "statement";

/** SQL states after which the server has surely not carried the statement out. */
const refused: Readonly<Record<string, string>> = {
  "57P03": "the server is starting or stopping",
  "25006": "the server is read-only, as a standby is",
  "53300": "the server has no connection left",
  "08001": "the connection was refused",
  "08004": "the connection was refused",
  "28000": "the login was refused",
  "28P01": "the login was refused: the password is wrong, or has expired",
};
const overloaded: Readonly<Record<string, string>> = {
  "57014": "the statement took too long",
  "55P03": "the statement waited too long for a lock",
  "25P03": "the transaction was idle too long",
  "53100": "the server's disk is full",
  "53200": "the server is out of memory",
  "53400": "a limit of the server is reached",
};
/** SQL states after which a commit may have gone through. */
const broken: Readonly<Record<string, string>> = {
  "57P01": "the server ended the connection",
  "57P02": "the server crashed",
  "57P05": "the server ended the idle session",
  "08000": "the connection broke",
  "08003": "the connection broke",
  "08006": "the connection broke",
  "08007": "the connection broke during the commit",
  "40003": "the server does not know whether it was carried out",
};
const conflicts = ["40001", "40P01"];
const neverConnected = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];
const lost = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"];
/** Of the driver itself, which gives them no code. */
const messages: readonly (readonly [RegExp, Failure])[] = [
  [/^timeout exceeded when trying to connect/, "overload"],
  [/^Connection terminated due to connection timeout/, "not-done"],
  [/^Cannot use a pool after calling end/, "not-done"],
  [/^Client (was closed and is not|has encountered a connection error and is not) queryable/, "not-done"],
  [/^Connection terminated/, "unknown"],
  [/^Query read timeout/, "unknown"],
];

export function classify(error: unknown): Failure {
  if (!(error instanceof Error)) return "statement";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (error instanceof DatabaseError) {
    if (conflicts.includes(code)) return "conflict";
    if (code in refused) return "not-done";
    if (code in overloaded) return "overload";
    return code in broken ? "unknown" : "statement";
  }
  if (error instanceof AggregateError && error.errors.length > 0) return classify(error.errors[0]);
  // A name or address that does not answer is met while connecting only; a time-out by `connect` as well.
  if (neverConnected.includes(code) || ("syscall" in error && error.syscall === "connect")) return "not-done";
  if (lost.includes(code)) return "unknown";
  return messages.find(([pattern]) => pattern.test(error.message))?.[1] ?? "statement";
}

/** Whether the connection that gave this error must not be used again. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof DatabaseError) return (error.code ?? "") in broken || error.code === "25006";
  return classify(error) !== "statement";
}

/** The error for the caller, when the database is at fault and not the statement. */
export function unavailable(error: unknown): Unavailable | undefined {
  const failure = classify(error);
  if (failure === "statement") return undefined;
  const code = error instanceof DatabaseError ? (error.code ?? "") : "";
  const reason =
    refused[code] ??
    overloaded[code] ??
    broken[code] ??
    (failure === "conflict" ? "other writers changed the same rows at the same time" : (error as Error).message);
  return new Unavailable(`PostgreSQL cannot answer now: ${reason}`, failure === "unknown", { cause: error });
}

import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from "fastify-type-provider-zod";
import { StoreError, Unavailable } from "../store/store";
import type { Problem } from "./schemas";

/** Errors as problem+json (RFC 9457). */

/** How long a client should wait before it comes again, in seconds. */
export const retryAfterSeconds = 1;

/** A problem of the API's own; the store's errors are mapped to these below. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly errors?: Problem["errors"],
  ) {
    super(message);
  }
}

const titles: Readonly<Record<string, string>> = {
  invalid: "The request is not valid",
  "not-found": "There is no such thing",
  "no-route": "There is no such path",
  method: "The path has not this method",
  "stale-version": "The row has changed",
  "already-exists": "The id is taken",
  "idempotency-mismatch": "The idempotency key was used for another request",
  "bad-cursor": "The cursor is not one of this list",
  "too-large": "The body is too large",
  "media-type": "The body is not JSON",
  saturated: "The service has as much to do as it can take",
  unavailable: "The database cannot be reached",
  fault: "The service failed",
};

/** Of the codes of the store's errors. */
const statuses: Readonly<Record<string, number>> = {
  "not-found": 404,
  "stale-version": 412,
  "already-exists": 409,
  "idempotency-mismatch": 422,
  "bad-cursor": 400,
  unavailable: 503,
};

function ofStore(error: StoreError): ApiError {
  const doubt =
    error instanceof Unavailable && error.indeterminate
      ? "; the write may have been carried out: repeat it with the same Idempotency-Key, or read before repeating it"
      : "";
  return new ApiError(statuses[error.code] ?? 500, error.code, `${error.message}${doubt}`);
}

/** What a client is told; undefined of a fault of the service, which it is told nothing of. */
function told(error: FastifyError | Error, request: FastifyRequest): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) return ofStore(error);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = error.validationContext ?? "request";
    const given = { body: request.body, querystring: request.query, params: request.params, headers: request.headers };
    const source = given[place as keyof typeof given];
    const errors = error.validation.map(({ instancePath, message = "", params }) => {
      const keys = instancePath.split("/").filter((key) => key !== "");
      const unknown = (params as { keys?: unknown }).keys;
      return {
        field: [place, ...keys].join("."),
        value: excerpt(keys.reduce(member, source)),
        expected: Array.isArray(unknown)
          ? `must not have the unknown field ${unknown.map(String).join(", ")}`
          : message,
      };
    });
    const detail = errors.map(({ field, value, expected }) => `${field} is ${value}: ${expected}`).join("; ");
    return new ApiError(400, "invalid", detail.slice(0, 2000), errors.slice(0, 20));
  }
  if (isResponseSerializationError(error) || !("statusCode" in error) || error.statusCode === undefined)
    return undefined;
  const { statusCode, message } = error;
  if (statusCode >= 500) return undefined;
  const kind = statusCode === 413 ? "too-large" : statusCode === 415 ? "media-type" : "invalid";
  return new ApiError(statusCode, kind, message);
}

const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;

/** Short, and of one line; a value may be of any size. */
function excerpt(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object of ${Object.keys(value).length} fields`;
  const text = JSON.stringify(typeof value === "string" ? value.slice(0, 81) : value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: ApiError): FastifyReply {
  const { status, kind, message, errors } = error;
  const body: Problem = {
    type: `urn:taskdb:problem:${kind}`,
    title: titles[kind] ?? kind,
    status,
    detail: message,
    instance: `urn:taskdb:request:${request.id}`,
    ...(errors && { errors }),
  };
  if (status === 503 || status === 429) reply.header("retry-after", retryAfterSeconds);
  reply.removeHeader("etag");
  return reply.code(status).type("application/problem+json").serializer(JSON.stringify).send(body);
}

export function errorHandler(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = told(error, request);
  if (known === undefined) {
    request.log.error({ err: error }, "the service failed");
    return sendProblem(request, reply, new ApiError(500, "fault", "an error of the service; its log has it"));
  }
  // The store's reason names no secret: hosts and codes at most.
  if (known.status >= 500) request.log.warn({ reason: known.message }, "not answered");
  return sendProblem(request, reply, known);
}

/** A path that is not there, or that has not this method. */
export const notFoundHandler =
  (methods: (request: FastifyRequest) => readonly string[]) =>
  (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split("?")[0]?.slice(0, 200) ?? "";
    const allowed = methods(request).join(", ");
    if (allowed !== "") {
      reply.header("allow", allowed);
      return sendProblem(request, reply, new ApiError(405, "method", `${path} has ${allowed}, not ${request.method}`));
    }
    const message = `${request.method} ${path} is none of the API's paths; /openapi.json lists them`;
    return sendProblem(request, reply, new ApiError(404, "no-route", message));
  };

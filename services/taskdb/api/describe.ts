import { z } from "zod";
import * as schemas from "./schemas";

/** The parts of a route's description that all share. */

type Answers = Record<number, { description: string; content: Record<string, { schema: z.ZodType }> }>;

const reasons: Readonly<Record<number, string>> = {
  400: "The request is not valid",
  404: "There is no such thing",
  409: "The id is taken",
  412: "The row has changed since the version of If-Match",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "The idempotency key was used for another request",
  500: "The service failed",
  503: "Too much to do, or no database; Retry-After says when to come again",
};

const problems = (...statuses: number[]): Answers =>
  Object.fromEntries(
    [400, ...statuses, 500, 503].map((status) => [
      status,
      {
        description: reasons[status] ?? "",
        content: { "application/problem+json": { schema: schemas.problem } },
      },
    ]),
  );

const none = z.strictObject({});

export interface ReadArgs<P, Q, T> {
  readonly id: string;
  readonly summary: string;
  readonly answer: T;
  readonly params?: P;
  readonly query?: Q;
}

/** A list, or one row, which has an ETag. */
export const reading = <T extends z.ZodType, P extends z.ZodType = typeof none, Q extends z.ZodType = typeof none>(
  args: ReadArgs<P, Q, T>,
) => ({
  schema: {
    operationId: args.id,
    summary: args.summary,
    params: args.params ?? (none as unknown as P),
    querystring: args.query ?? (none as unknown as Q),
    response: { 200: args.answer, ...problems(...(args.params ? [404] : [])) },
  },
});

/** A read that a client may make depend on what it has. */
export const readingOne = <T extends z.ZodType>(
  args: Omit<ReadArgs<typeof schemas.byId, never, T>, "params" | "query">,
) => {
  const { schema } = reading({ ...args, params: schemas.byId });
  const unchanged = z.undefined().describe("What If-None-Match names is still so");
  return { schema: { ...schema, headers: schemas.readHeaders, response: { ...schema.response, 304: unchanged } } };
};

export const creating = <B extends z.ZodType, T extends z.ZodType, P extends z.ZodType = typeof none>(args: {
  readonly id: string;
  readonly summary: string;
  readonly body: B;
  readonly answer: T;
  readonly params?: P;
}) => ({
  schema: {
    operationId: args.id,
    summary: args.summary,
    params: args.params ?? (none as unknown as P),
    querystring: none,
    headers: schemas.writeHeaders,
    body: args.body,
    response: { 201: args.answer, ...problems(...(args.params ? [404] : []), 409, 413, 415, 422) },
  },
});

export const changing = <B extends z.ZodType, T extends z.ZodType>(args: {
  readonly id: string;
  readonly summary: string;
  readonly body: B;
  readonly answer: T;
}) => ({
  schema: {
    operationId: args.id,
    summary: args.summary,
    params: schemas.byId,
    querystring: none,
    headers: schemas.changeHeaders,
    body: args.body,
    response: { 200: args.answer, ...problems(404, 412, 413, 415, 422) },
  },
});

export const deleting = <T extends z.ZodType>(args: {
  readonly id: string;
  readonly summary: string;
  readonly answer: T;
}) => ({
  schema: {
    operationId: args.id,
    summary: args.summary,
    params: schemas.byId,
    querystring: none,
    headers: schemas.changeHeaders,
    response: { 200: args.answer, ...problems(404, 412, 422) },
  },
});

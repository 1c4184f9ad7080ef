import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { timestamp } from "../domain";
import { type UpdateContext, type WriteContext, type Written } from "../store/store";
import { ApiError } from "./problem";

/** What the headers of a request say to a write, and what those of its answer say. */

interface WriteHeaders {
  readonly "idempotency-key"?: string | undefined;
  readonly "if-match"?: string | undefined;
}

export function writeContext(request: FastifyRequest): WriteContext {
  const key = (request.headers as WriteHeaders)["idempotency-key"];
  if (key === undefined) return { requestId: request.id };
  const { method, url, body } = request;
  const requestHash = createHash("sha256")
    .update(JSON.stringify([method, url, body]))
    .digest("hex");
  return { requestId: request.id, idempotency: { key, requestHash } };
}

/** A row as `If-Match` sees it. */
interface Versioned {
  readonly updated_at: string;
}

/** Takes the row only where several ETags are given. */
export async function updateContext(
  request: FastifyRequest,
  current: () => Promise<Versioned>,
): Promise<UpdateContext> {
  const context = writeContext(request);
  const header = (request.headers as WriteHeaders)["if-match"]?.trim();
  if (header === undefined || header === "*") return context;
  // Weak ones never match in If-Match (RFC 9110, 13.1.1).
  const versions = header
    .split(",")
    .map((tag) => /^"(.*)"$/.exec(tag.trim())?.[1])
    .filter((version) => version !== undefined);
  const [only = "", ...more] = versions;
  if (more.length === 0 && isVersion(only)) return { ...context, version: only };
  const { updated_at: version } = await current();
  if (versions.includes(version)) return { ...context, version };
  throw new ApiError(
    412,
    "stale-version",
    `the row is at the version "${version}", which is none of If-Match: ${header.slice(0, 200)}; read it again and repeat the change on it`,
  );
}

/** The database takes it for a time. */
const isVersion = (text: string): boolean =>
  timestamp.safeParse(text).success && !Number.isNaN(Date.parse(`${text.slice(0, 23)}Z`));

interface Entity {
  readonly updated_at?: string;
  readonly created_at?: string;
}

/** Rows that never change have the time of their creation for a version. */
const etag = ({ updated_at, created_at }: Entity): string | undefined => {
  const version = updated_at ?? created_at;
  return version === undefined ? undefined : `"${version}"`;
};

export function sendWritten<T extends object>(
  reply: FastifyReply,
  written: Written<T>,
  location?: string,
): FastifyReply {
  const tag = etag(written.entity);
  if (tag !== undefined) reply.header("etag", tag);
  if (written.replayed) reply.header("idempotency-replayed", "true");
  if (location !== undefined) reply.code(201).header("location", location);
  return reply.send(written.entity);
}

export function sendEntity(request: FastifyRequest, reply: FastifyReply, entity: Entity): FastifyReply {
  const tag = etag(entity);
  if (tag !== undefined) {
    reply.header("etag", tag);
    const known = request.headers["if-none-match"];
    if (known !== undefined && known.split(",").some((each) => [tag, `W/${tag}`, "*"].includes(each.trim()))) {
      return reply.code(304).send();
    }
  }
  return reply.send(entity);
}

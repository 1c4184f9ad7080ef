import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { postgresMigrations } from "../../migrations";
import type { Readiness, TaskStore } from "../../store/store";
import { reading } from "../describe";
import { ApiError } from "../problem";
import * as schemas from "../schemas";

export interface HealthArgs {
  readonly store: TaskStore;
  /** True once the process has been told to end. */
  readonly draining: () => boolean;
}

/** A probe wants an answer before its own time is over, in ms. */
const patienceMs = 2000;
const newest = Object.keys(postgresMigrations).sort().at(-1) ?? "";

async function readiness(store: TaskStore): Promise<Readiness> {
  const late = new AbortController();
  const timeout = sleep(patienceMs, undefined, { signal: late.signal }).then(() => {
    throw new ApiError(503, "unavailable", `the database did not answer within ${patienceMs} ms`);
  });
  try {
    return await Promise.race([store.ready(), timeout]);
  } finally {
    late.abort();
    timeout.catch(() => undefined);
  }
}

/** Whether to restart the process, and whether to send it requests. Neither counts as work, so both answer under load. */
export function healthRoutes(instance: FastifyInstance, { store, draining }: HealthArgs): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/livez",
    reading({ id: "livez", summary: "The process answers", answer: schemas.alive }),
    async (_request, reply) => reply.send({ status: "ok" }),
  );
  app.get(
    "/readyz",
    reading({ id: "readyz", summary: "The database can be written to", answer: schemas.readiness }),
    async (_request, reply) => {
      if (draining()) throw new ApiError(503, "draining", "the process has been told to end; others take its place");
      const { writable, schema } = await readiness(store);
      if (!writable) {
        throw new ApiError(
          503,
          "unavailable",
          "the database is read-only, as a standby is: it waits for the new primary",
        );
      }
      if (schema === "none" || schema < newest) {
        const remedy = `the schema is at ${schema} and must be at ${newest}: run "taskdb migrate up"`;
        throw new ApiError(503, "unavailable", remedy);
      }
      return reply.send({ status: "ready", writable, backend: store.backend, schema });
    },
  );
}

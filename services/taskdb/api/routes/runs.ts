import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import * as domain from "../../domain";
import { changing, creating, deleting, reading, readingOne } from "../describe";
import * as schemas from "../schemas";
import { sendEntity, sendWritten, updateContext, writeContext } from "../writing";
import type { RouteArgs } from "./args";
import { pageOf, sendPage } from "./page";

/** Runs and their gates. */
export function runRoutes(instance: FastifyInstance, { store }: RouteArgs): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();

  app.get("/runs/:id", readingOne({ id: "getRun", summary: "A run", answer: domain.run }), async (request, reply) =>
    sendEntity(request, reply, await store.getRun(request.params.id)),
  );
  app.patch(
    "/runs/:id",
    changing({ id: "updateRun", summary: "Changes a run", body: domain.runChange, answer: domain.run }),
    async (request, reply) => {
      const { id } = request.params;
      const context = await updateContext(request, () => store.getRun(id));
      return sendWritten(reply, await store.updateRun(id, request.body, context));
    },
  );
  app.delete(
    "/runs/:id",
    deleting({
      id: "deleteRun",
      summary: "Deletes a run with its gates; the answer is what it was",
      answer: domain.run,
    }),
    async (request, reply) => {
      const { id } = request.params;
      const context = await updateContext(request, () => store.getRun(id));
      const { entity, replayed } = await store.deleteRun(id, context);
      if (replayed) reply.header("idempotency-replayed", "true");
      return reply.send(entity);
    },
  );

  app.post(
    "/runs/:id/gates",
    creating({
      id: "createGate",
      summary: "Adds a gate to a run",
      params: schemas.byId,
      body: domain.newGate,
      answer: domain.gate,
    }),
    async (request, reply) => {
      const written = await store.createGate(request.params.id, request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/gates/${written.entity.id}`);
    },
  );
  app.get(
    "/runs/:id/gates",
    reading({
      id: "listGates",
      summary: "A run's gates",
      params: schemas.byId,
      query: schemas.pageQuery,
      answer: schemas.gatePage,
    }),
    async (request, reply) => sendPage(reply, store.listGates(request.params.id, pageOf(request.query))),
  );
  app.get("/gates/:id", readingOne({ id: "getGate", summary: "A gate", answer: domain.gate }), async (request, reply) =>
    sendEntity(request, reply, await store.getGate(request.params.id)),
  );
  app.patch(
    "/gates/:id",
    changing({ id: "updateGate", summary: "Changes a gate", body: domain.gateChange, answer: domain.gate }),
    async (request, reply) => {
      const { id } = request.params;
      const context = await updateContext(request, () => store.getGate(id));
      return sendWritten(reply, await store.updateGate(id, request.body, context));
    },
  );
}

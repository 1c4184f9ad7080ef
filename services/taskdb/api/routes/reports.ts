import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import * as domain from "../../domain";
import { creating, reading, readingOne } from "../describe";
import * as schemas from "../schemas";
import { sendEntity, sendWritten, writeContext } from "../writing";
import type { RouteArgs } from "./args";
import { pageOf, sendPage } from "./page";

/** Reports, and what is read over all tasks. */
export function reportRoutes(instance: FastifyInstance, { store, metrics }: RouteArgs): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();

  app.post(
    "/reports",
    creating({
      id: "publishReport",
      summary: "Publishes a report: each claim as it stands at a snapshot that no other report has",
      body: domain.newReport,
      answer: domain.report,
    }),
    async (request, reply) => {
      const written = await store.publishReport(request.body, writeContext(request));
      return sendWritten(reply, written, `/api/v1/reports/${written.entity.id}`);
    },
  );
  app.get(
    "/reports",
    reading({ id: "listReports", summary: "Reports", query: schemas.pageQuery, answer: schemas.reportPage }),
    async (request, reply) => sendPage(reply, store.listReports(pageOf(request.query))),
  );
  app.get(
    "/reports/:id",
    readingOne({ id: "getReport", summary: "A report", answer: domain.report }),
    async (request, reply) => sendEntity(request, reply, await store.getReport(request.params.id)),
  );

  app.get(
    "/events",
    reading({
      id: "listEvents",
      summary: "The event log, oldest first",
      query: schemas.eventQuery,
      answer: schemas.eventPage,
    }),
    async (request, reply) => {
      const { task_id: taskId, entity_id: entityId, kind, after } = request.query;
      const filter = {
        ...(taskId !== undefined && { taskId }),
        ...(entityId !== undefined && { entityId }),
        ...(kind !== undefined && { kind }),
        ...(after !== undefined && { after }),
      };
      return sendPage(reply, store.listEvents(filter, pageOf(request.query)));
    },
  );

  app.get(
    "/tasks/:id/status",
    reading({
      id: "getTaskStatus",
      summary: "A task's derived status",
      params: schemas.byId,
      answer: domain.derivedStatus,
    }),
    async (request, reply) => {
      const done = metrics.statusRead();
      const status = await store.derivedStatus(request.params.id);
      done();
      return reply.send(status);
    },
  );
  app.get(
    "/statuses",
    reading({ id: "listStatuses", summary: "Derived statuses", query: schemas.pageQuery, answer: schemas.statusPage }),
    async (request, reply) => sendPage(reply, store.listDerivedStatuses(pageOf(request.query))),
  );
  app.get(
    "/statistics",
    reading({ id: "getStatistics", summary: "How many rows there are", answer: schemas.statistics }),
    async (_request, reply) => reply.send(await store.statistics()),
  );
}

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { doctorReport } from "../../doctor/report";
import { verification } from "../../provenance/debugger";
import { reading } from "../describe";
import * as schemas from "../schemas";
import type { RouteArgs } from "./args";

/** Whether reports still hold, and the database itself. */
export function checkRoutes(instance: FastifyInstance, { store, metrics, checks }: RouteArgs): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();

  app.get(
    "/reports/:id/verification",
    reading({
      id: "verifyReport",
      summary: "Whether each claim of a report still holds, and what has changed since its snapshot",
      params: schemas.byId,
      answer: verification,
    }),
    async (request, reply) => {
      const started = performance.now();
      const verified = await checks.verify(await store.getReport(request.params.id));
      metrics.verified(
        verified.claims.map(({ status }) => status),
        performance.now() - started,
      );
      return reply.send(verified);
    },
  );
  app.get(
    "/doctor",
    reading({
      id: "examine",
      summary: "Orphans, the event log's integrity, derived statuses against the full query, replication",
      answer: doctorReport,
    }),
    async (_request, reply) => {
      const examined = await checks.examine();
      const results = examined.checks.map(({ status }) => (status === "pass" ? "pass" : "fail"));
      metrics.examined(results, examined.summary.orphans);
      return reply.send(examined);
    },
  );
}

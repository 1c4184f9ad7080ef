import { getHeapStatistics } from "node:v8";
import underPressure from "@fastify/under-pressure";
import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import type { Metrics } from "./metrics";
import { ApiError } from "./problem";

/** Refuses what it cannot take, instead of taking it on and failing all. */

/** The event loop may lag this long, in ms. */
const lagMs = 1000;
/** Of the heap's limit. */
const heapShare = 0.9;

export const underApi = (url: string | undefined): boolean => url?.startsWith("/api/") === true;
const reads: readonly string[] = ["GET", "HEAD"];

/**
 * Counts the requests from the start of their work to its end, even if their client has gone: what counts is what the
 * database has to do. Those beyond `maxInFlight` are refused before their body is read; so the line that forms before the
 * pool's connections is bounded, too.
 */
export function boundWork(app: FastifyInstance, maxInFlight: number, metrics: Metrics): void {
  let requests = 0;
  let writers = 0;
  const refuseMore = (): void => {
    if (requests < maxInFlight) return;
    metrics.refused("in-flight");
    throw new ApiError(503, "saturated", `${maxInFlight} requests are worked on already; come again in a moment`);
  };
  const count = (change: 1 | -1, request: FastifyRequest): void => {
    requests += change;
    if (!reads.includes(request.method)) writers += change;
    metrics.working(requests, writers);
  };
  app.addHook("onRequest", async (request) => {
    if (underApi(request.routeOptions.url)) refuseMore();
  });
  app.addHook("onRoute", (route: RouteOptions) => {
    if (!underApi(route.url)) return;
    const handler = route.handler;
    route.handler = async function (request, reply) {
      refuseMore();
      count(1, request);
      try {
        const answer: unknown = await handler.call(this, request, reply);
        return answer;
      } finally {
        count(-1, request);
      }
    };
  });
}

export async function watchPressure(app: FastifyInstance, metrics: Metrics): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: lagMs,
    maxHeapUsedBytes: heapShare * getHeapStatistics().heap_size_limit,
    pressureHandler: (request, _reply, type) => {
      // A probe that fails now would only take the process away from its work.
      if (!underApi(request.routeOptions.url)) return;
      metrics.refused(type === underPressure.TYPE_EVENT_LOOP_DELAY ? "event-loop" : "heap");
      throw new ApiError(503, "saturated", `the service is overloaded (${type}); come again in a moment`);
    },
  });
}

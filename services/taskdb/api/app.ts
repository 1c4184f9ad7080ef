import { randomUUID } from "node:crypto";
import swagger from "@fastify/swagger";
import fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject, validatorCompiler } from "fastify-type-provider-zod";
import type { TaskStore } from "../store/store";
import type { Settings } from "../settings";
import { readJsonBodies } from "./body";
import type { Checks } from "./checks";
import { boundWork, underApi, watchPressure } from "./load";
import { PathMethods } from "./methods";
import type { Metrics } from "./metrics";
import { errorHandler, notFoundHandler } from "./problem";
import { checkRoutes } from "./routes/checks";
import { healthRoutes } from "./routes/health";
import { reportRoutes } from "./routes/reports";
import { runRoutes } from "./routes/runs";
import { taskRoutes } from "./routes/tasks";
import { requestId } from "./schemas";

export interface AppArgs {
  readonly store: TaskStore;
  readonly checks: Checks;
  readonly settings: Pick<Settings, "http" | "logLevel">;
  readonly metrics: Metrics;
  /**
   * True once the process has been told to end.
   * @default never
   */
  readonly draining?: () => boolean;
  /** @default JSON lines on stdout */
  readonly logger?: FastifyServerOptions["loggerInstance"];
  /**
   * Turns answers into text. Tests hold each against its schema; else that work is saved, for the store's types say the same.
   * @default JSON.stringify
   */
  readonly serializerCompiler?: Parameters<FastifyInstance["setSerializerCompiler"]>[0];
}

/** The API, ready to listen. */
export async function buildApp(args: AppArgs): Promise<FastifyInstance> {
  const { store, settings, metrics, draining = () => false } = args;
  const { http } = settings;
  const app = fastify({
    ...(args.logger
      ? { loggerInstance: args.logger }
      : { logger: settings.logLevel === "silent" ? false : { level: settings.logLevel } }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: http.bodyLimitBytes,
    requestTimeout: http.requestTimeoutMs,
    // Longer than a load balancer keeps its own, or it would send into a connection that is just closed.
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    // While it drains, what comes on an open connection is still answered.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    genReqId: ({ headers: { "x-request-id": given } }) =>
      typeof given === "string" && requestId.test(given) ? given : randomUUID(),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(args.serializerCompiler ?? (() => JSON.stringify));
  app.setErrorHandler(errorHandler);
  const methods = new PathMethods(app);
  const notFound = notFoundHandler((request) => methods.of(request));
  app.setNotFoundHandler(notFound);
  readJsonBodies(app);
  observe(app, metrics, draining);
  // Before its body is looked at, whatever that may be.
  app.addHook("onRequest", async (request, reply) => (request.is404 ? notFound(request, reply) : undefined));
  await watchPressure(app, metrics);
  boundWork(app, http.maxInFlight, metrics);
  await describe(app);
  healthRoutes(app, { store, draining });
  await app.register(
    async (api) => {
      const routes = { store, metrics, checks: args.checks };
      taskRoutes(api, routes);
      runRoutes(api, routes);
      reportRoutes(api, routes);
      checkRoutes(api, routes);
    },
    { prefix: "/api/v1" },
  );
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) => reply.send(app.swagger()));
  await app.ready();
  return app;
}

/** One line of log and one measurement for each request; neither has a header, a query or a body in it. */
function observe(app: FastifyInstance, metrics: Metrics, draining: () => boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    // The client opens its next connection elsewhere.
    if (draining()) reply.header("connection", "close");
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, id } = request;
    const route = request.routeOptions.url ?? "none";
    const seconds = reply.elapsedTime / 1000;
    metrics.answered(method, route, reply.statusCode, seconds);
    const line = { request: id, method, path: url.split("?", 1)[0], status: reply.statusCode, ms: reply.elapsedTime };
    if (underApi(route) || reply.statusCode >= 500) request.log.info(line, "answered");
    else request.log.debug(line, "answered");
  });
}

async function describe(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "TaskDB",
        description: "Tasks, their runs, gates, artifacts and reports, each change in an event log.",
        version: "1.0.0",
      },
      servers: [],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => usedOnly(jsonSchemaTransformObject(document)),
  });
}

/** Each shape is offered as it is read and as it is written, under two names; those that no path names go. */
function usedOnly(document: object): ReturnType<typeof jsonSchemaTransformObject> {
  const written = "Input";
  const text = JSON.stringify(document);
  const used = (name: string): boolean => text.includes(`"#/components/schemas/${name}"`);
  const result = JSON.parse(text, (key, value: unknown) =>
    key === "$ref" &&
    typeof value === "string" &&
    value.endsWith(written) &&
    !used(refName(value).slice(0, -written.length))
      ? value.slice(0, -written.length)
      : value,
  ) as { components: { schemas: Record<string, unknown> } };
  const schemas = Object.entries(result.components.schemas).filter(([name]) => used(name));
  result.components.schemas = Object.fromEntries(
    schemas
      .map(([name, schema]) => {
        const plain = name.endsWith(written) ? name.slice(0, -written.length) : name;
        return [used(plain) ? name : plain, schema] as const;
      })
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  return result as ReturnType<typeof jsonSchemaTransformObject>;
}

const refName = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1);

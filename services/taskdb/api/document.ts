import type { Checks } from "./checks";
import type { TaskStore } from "../store/store";
import { buildApp } from "./app";
import { Metrics } from "./metrics";

/** The OpenAPI document; `client/write.ts` writes it to openapi.json. */
export async function openApiDocument(): Promise<object> {
  // Nothing is asked of it before a request comes.
  const store = { backend: "sqlite" } as TaskStore;
  const settings = {
    http: { host: "127.0.0.1", port: 0, maxInFlight: 1, bodyLimitBytes: 1_048_576, requestTimeoutMs: 1000 },
    logLevel: "silent",
  } as const;
  const app = await buildApp({ store, checks: {} as Checks, settings, metrics: new Metrics() });
  const document = app.swagger();
  await app.close();
  return document;
}

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Settings } from "../settings";
import type { Database } from "../store/database";
import type { TaskStore } from "../store/store";
import { buildApp } from "./app";
import { checksOf } from "./checks";
import { Maintenance } from "./maintenance";
import type { Metrics } from "./metrics";
import { profileOnSignal } from "./profiling";

export interface ServiceArgs {
  readonly settings: Settings;
  /** What the store is over. */
  readonly database: Database;
  readonly store: TaskStore;
  readonly metrics: Metrics;
}

/** The API, the metrics and the upkeep of one process, from start to drain. */
export class Service {
  private constructor(
    readonly app: FastifyInstance,
    private readonly args: ServiceArgs,
    private readonly metricsServer: Server | undefined,
    private readonly state: { draining: boolean },
  ) {}

  private maintenance: Maintenance | undefined;

  /** It ends by SIGTERM or SIGINT. */
  static async start(args: ServiceArgs): Promise<Service> {
    const { settings, database, store, metrics } = args;
    const state = { draining: false };
    const app = await buildApp({
      settings,
      store,
      metrics,
      checks: checksOf(database, settings.artifactsDir),
      draining: () => state.draining,
    });
    const metricsServer =
      settings.metricsPort === undefined
        ? undefined
        : await serveMetrics(metrics, settings.http.host, settings.metricsPort);
    const service = new Service(app, args, metricsServer, state);
    // Before the first request can come.
    service.endOnSignal();
    await app.listen({ host: settings.http.host, port: settings.http.port });
    if (settings.profilesDir !== undefined) profileOnSignal(settings.profilesDir, app.log);
    if (!state.draining) {
      service.maintenance = new Maintenance(store, settings.maintenanceIntervalMs, metrics, app.log);
    }
    return service;
  }

  get port(): number {
    return (this.app.server.address() as AddressInfo).port;
  }

  /**
   * First it says that it is not ready, and goes on answering until nobody sends it requests any more; then it refuses
   * connections, ends what is under way, and lets go of the database.
   */
  async drain(): Promise<void> {
    this.state.draining = true;
    this.app.log.info({ delayMs: this.args.settings.drain.delayMs }, "draining");
    const stopped = this.maintenance?.stop();
    await sleep(this.args.settings.drain.delayMs);
    await this.app.close();
    await stopped;
    await this.args.store.close();
    this.metricsServer?.closeAllConnections();
    await new Promise((resolve) => (this.metricsServer ? this.metricsServer.close(resolve) : resolve(undefined)));
  }

  /** Drains at SIGTERM or SIGINT, within the time there is; a second signal ends the process at once. */
  private endOnSignal(): void {
    const { timeoutMs } = this.args.settings.drain;
    const end = (signal: NodeJS.Signals): void => {
      if (this.state.draining) {
        this.app.log.warn({ signal }, "ended at once, by a second signal");
        process.exit(1);
      }
      const late = setTimeout(() => {
        this.app.log.error({ timeoutMs }, "requests were still under way at the end of the time to drain");
        process.exit(1);
      }, timeoutMs);
      this.drain()
        .then(() => {
          clearTimeout(late);
          this.app.log.info("drained");
          process.exit(0);
        })
        .catch((error: unknown) => {
          this.app.log.error({ err: error as Error }, "draining failed");
          process.exit(1);
        });
    };
    process.on("SIGTERM", end).on("SIGINT", end);
  }
}

/** Apart from the API's port, which more may reach. */
async function serveMetrics({ registry }: Metrics, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return server;
}

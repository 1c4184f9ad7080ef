import { randomUUID } from "node:crypto";
import type { FastifyInstance, InjectOptions } from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { Settings } from "../../settings";
import { type Database, type DatabaseOptions, openDatabase } from "../../store/database";
import { migrate } from "../../store/migrate";
import { createStore } from "../../store/open";
import type { StoreOptions } from "../../store/sql";
import type { TaskStore } from "../../store/store";
import { type AppArgs, buildApp } from "../app";
import { checksOf } from "../checks";
import { Metrics } from "../metrics";

/** What tests of the API share. */

export const settings = (http: Partial<Settings["http"]> = {}): AppArgs["settings"] => ({
  http: {
    host: "127.0.0.1",
    port: 0,
    maxInFlight: 100,
    bodyLimitBytes: 1_048_576,
    requestTimeoutMs: 30_000,
    ...http,
  },
  logLevel: "silent",
});

/** Fields of answers that tests look at; which an answer has, its schema says. */
export interface Body {
  readonly id: string;
  readonly status: string | number;
  readonly title: string;
  readonly name: string;
  readonly path: string;
  readonly kind: string;
  readonly type: string;
  readonly detail: string;
  readonly backend: string;
  readonly request_id: string;
  readonly updated_at: string;
  readonly status_derived: string;
  readonly health_score: number;
  readonly verification_snapshot_ts: string;
  readonly total_reports: number;
  readonly next: string;
  readonly items: readonly Body[];
  readonly checks: readonly unknown[];
  readonly claims_validated: readonly { readonly result: string }[];
  readonly payload: { readonly text: string };
  readonly paths: Readonly<Record<string, { readonly get?: object }>>;
  readonly errors: readonly [{ readonly field: string; readonly value: string; readonly expected: string }];
  readonly passed: number;
  readonly failed: number;
  readonly summary: { readonly system_health: string };
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The API in this process, over a database of its own. Each answer is held against its schema. */
export class TestApi {
  private constructor(
    readonly app: FastifyInstance,
    readonly store: TaskStore,
    readonly metrics: Metrics,
  ) {}

  static async open(
    database: DatabaseOptions = { backend: "sqlite", path: ":memory:" },
    args: Partial<AppArgs> = {},
  ): Promise<TestApi> {
    const opened = await openDatabase(database);
    await migrate(opened, "up");
    return TestApi.over(opened, {}, args);
  }

  static async over(database: Database, options: StoreOptions = {}, args: Partial<AppArgs> = {}): Promise<TestApi> {
    const metrics = new Metrics();
    const store = createStore(database, options);
    const compiler = serializerCompiler as AppArgs["serializerCompiler"];
    const checks = checksOf(database, "artifacts");
    const app = await buildApp({
      ...{ store, checks, metrics, settings: settings(), serializerCompiler: compiler },
      ...args,
    });
    return new TestApi(app, store, metrics);
  }

  async send(method: InjectOptions["method"], url: string, options: InjectOptions = {}): Promise<Answer> {
    const response = await this.app.inject({ method, url, ...options } as InjectOptions);
    const body = JSON.parse(response.body || "{}") as Body;
    return { status: response.statusCode, body, headers: response.headers };
  }
  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("GET", `/api/v1${path}`, { headers });
  }
  post(path: string, payload: object | string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("POST", `/api/v1${path}`, {
      payload,
      headers: { "content-type": "application/json", ...headers },
    });
  }
  patch(path: string, payload: object, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("PATCH", `/api/v1${path}`, { payload, headers });
  }

  /** How many rows of each kind there are: nothing half-written changes none of it. */
  async counts(): Promise<object> {
    return { ...(await this.store.statistics()) };
  }

  async task(): Promise<string> {
    const id = randomUUID();
    const { status } = await this.post("/tasks", { id, title: "A task", policy_version: "1.1.0" });
    if (status !== 201) throw new Error(`the task was not made: ${status}`);
    return id;
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.store.close();
  }
}

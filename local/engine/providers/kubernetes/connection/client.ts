import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";

import { isJsonMap, type Json, type JsonMap } from "../object";
import { Authenticator } from "./credentials";
import { ApiError, UnreachableError } from "./errors";
import type { Connection } from "./kubeconfig";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonMap;
  readonly contentType?: string;
}
export interface ApiResponse {
  readonly code: number;
  readonly body: JsonMap;
}

/** Requests at a time; each is one kept-alive connection. */
const MAX_SOCKETS = 24;
const CONNECT_TIMEOUT = 10_000;
const RESPONSE_TIMEOUT = 65_000;
/** Milliseconds for which a server that answered before may be away: a restart of the API server takes seconds. */
const AWAY_LIMIT = 45_000;
const MAX_REFUSALS = 12;
/** A watch that is silent for longer is opened anew: bookmarks come each minute. */
const WATCH_SILENCE = 150_000;

const text = async (response: http.IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
};

function parseStatus(body: string): JsonMap {
  try {
    const parsed: unknown = JSON.parse(body);
    return isJsonMap(parsed) ? parsed : { message: body };
  } catch {
    // Some refusals (a proxy's, an early 429) are plain text.
    return { message: body.trim() };
  }
}

/** Talks to one API server over kept-alive connections. Every call is one that may safely be sent twice. */
export class ApiClient {
  readonly #authenticator: Authenticator;
  readonly #agent: http.Agent | https.Agent;
  readonly #watchAgent: http.Agent | https.Agent;
  readonly #secure: boolean;
  #answered = false;

  /** @param onWarning - gets the server's `Warning` headers (deprecated versions and the like). */
  constructor(
    readonly connection: Connection,
    private readonly signal: AbortSignal,
    private readonly onWarning: (message: string) => void,
  ) {
    this.#authenticator = new Authenticator(connection);
    this.#secure = connection.server.startsWith("https:");
    const make = (options: http.AgentOptions): http.Agent =>
      this.#secure ? new https.Agent(options) : new http.Agent(options);
    this.#agent = make({ keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: "lifo" });
    this.#watchAgent = make({ keepAlive: false });
  }

  /**
   * Sends a request; retries when the server is busy (429, 503) or, having answered before, is away for a while.
   * @throws ApiError for any answer that is not a success, UnreachableError when there is none.
   */
  async request(request: ApiRequest): Promise<ApiResponse> {
    const { code, content } = await this.#retried(request);
    return { code, body: parseStatus(content) };
  }

  /** As {@link request}, for an answer in plain text (logs). */
  async requestText(request: ApiRequest): Promise<string> {
    return (await this.#retried(request)).content;
  }

  async #retried(request: ApiRequest): Promise<{ code: number; content: string }> {
    const started = Date.now();
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      let answer: { code: number; content: string; retryAfter: number };
      try {
        answer = await this.#once(request);
        this.#answered = true;
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        const mayReturn = this.#answered ? Date.now() - started < AWAY_LIMIT : isReset(error) && attempt === 0;
        if (!mayReturn || this.signal.aborted) throw error;
        await this.#pause(Math.min(100 * 2 ** attempt, 2000));
        continue;
      }
      if (answer.code < 400) return answer;
      const failure = new ApiError(answer.code, parseStatus(answer.content), `${request.method} ${request.path}`);
      if (answer.code === 401 && !renewed && this.#authenticator.forget()) {
        renewed = true;
        continue;
      }
      const busy = answer.code === 429 || answer.code === 503 || failure.reason === "ServerTimeout";
      if (!busy || attempt >= MAX_REFUSALS || this.signal.aborted) throw failure;
      await this.#pause(Math.max(answer.retryAfter * 1000, Math.min(50 * 2 ** attempt, 3000)));
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    // Ending the pause early is enough: the loop looks at the signal itself.
    await delay(milliseconds * (0.75 + Math.random() / 2), undefined, { signal: this.signal }).catch(() => undefined);
  }

  async #once(request: ApiRequest): Promise<{ code: number; content: string; retryAfter: number }> {
    const response = await this.#open(request, this.#agent, RESPONSE_TIMEOUT);
    try {
      const content = await text(response);
      this.#reportWarnings(response);
      return { code: response.statusCode ?? 0, content, retryAfter: Number(response.headers["retry-after"] ?? 0) || 0 };
    } catch (error) {
      throw new UnreachableError(this.connection, error as Error);
    }
  }

  #reportWarnings(response: http.IncomingMessage): void {
    const header = response.headers["warning"];
    if (header === undefined) return;
    for (const match of header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g))
      this.onWarning((match[1] ?? "").replaceAll('\\"', '"'));
  }

  async #open(
    request: ApiRequest,
    agent: http.Agent,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const access = await this.#authenticator.access();
    const url = new URL(this.connection.server + request.path);
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);
    const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const { tls } = this.connection;
    const options: https.RequestOptions = {
      method: request.method,
      agent,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        accept: "application/json",
        "user-agent": "ballast",
        ...access.headers,
        ...(payload === undefined
          ? {}
          : { "content-type": request.contentType ?? "application/json", "content-length": payload.length }),
      },
      ...(this.#secure
        ? {
            ca: tls.ca,
            cert: access.cert,
            key: access.key,
            rejectUnauthorized: !tls.insecure,
            servername: tls.serverName,
          }
        : {}),
    };
    return await new Promise((resolve, reject) => {
      const sent = (this.#secure ? https : http).request(url, options, resolve);
      const fail = (error: Error): void => reject(new UnreachableError(this.connection, error));
      sent.on("error", fail);
      sent.on("socket", (socket) => {
        socket.setKeepAlive(true, 15_000);
        if (!socket.connecting) return;
        const timer = setTimeout(
          () => sent.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
          CONNECT_TIMEOUT,
        );
        const settled = (): void => clearTimeout(timer);
        socket.once(this.#secure ? "secureConnect" : "connect", settled).once("close", settled);
      });
      sent.setTimeout(timeout, () =>
        sent.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })),
      );
      sent.end(payload);
    });
  }

  /**
   * Opens a watch and gives each event to `onEvent` until the server ends it.
   * @throws ApiError when it is refused, UnreachableError when the connection breaks.
   */
  async watch(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    onEvent: (event: JsonMap) => void,
  ): Promise<void> {
    const request: ApiRequest = {
      method: "GET",
      path,
      query: { ...query, watch: "true", allowWatchBookmarks: "true" },
    };
    await this.#lines(request, signal, (line) => {
      if (line === "") return;
      const event = JSON.parse(line) as Json;
      if (isJsonMap(event)) onEvent(event);
    });
  }

  /**
   * Reads an answer that goes on (a log that is followed) line by line, until the server ends it.
   * @throws ApiError when it is refused, UnreachableError when the connection breaks.
   */
  async follow(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    onLine: (line: string) => void,
  ): Promise<void> {
    const last = await this.#lines({ method: "GET", path, query }, signal, onLine);
    if (last !== "") onLine(last);
  }

  /** Gives what came after the last end of a line. */
  async #lines(request: ApiRequest, signal: AbortSignal, onLine: (line: string) => void): Promise<string> {
    const response = await this.#open(request, this.#watchAgent, WATCH_SILENCE, signal);
    if ((response.statusCode ?? 0) >= 400) {
      throw new ApiError(response.statusCode ?? 0, parseStatus(await text(response)), `GET ${request.path}`);
    }
    this.#answered = true;
    let rest = "";
    response.setEncoding("utf8");
    try {
      for await (const part of response) {
        const lines = (rest + (part as string)).split("\n");
        rest = lines.pop() ?? "";
        lines.forEach(onLine);
      }
    } catch (error) {
      throw new UnreachableError(this.connection, error as Error);
    }
    return rest;
  }

  close(): void {
    this.#agent.destroy();
    this.#watchAgent.destroy();
  }
}

/** A kept-alive connection that the server closed just as we used it. */
const isReset = (error: UnreachableError): boolean => {
  const code = (error.cause as NodeJS.ErrnoException).code;
  return code === "ECONNRESET" || code === "EPIPE";
};

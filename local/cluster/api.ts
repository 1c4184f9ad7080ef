import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { apiUrl } from "./kubeconfig";
import { pki } from "./pki";
import type { Plan } from "./plan";

/** The few calls to the API server that bringing a cluster up takes. */
export interface Api {
  /** Gives the answer's body; rejects on a status that is not accepted. */
  call<T>(method: string, path: string, options?: CallOptions): Promise<T>;
  /** The body of /readyz and the like: 200 or it rejects. */
  text(path: string): Promise<string>;
  close(): void;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly contentType?: string;
  /** Statuses apart from 2xx that are not an error. */
  readonly accept?: readonly number[];
}

const timeoutMs = 10_000;

export async function connect(plan: Plan): Promise<Api> {
  const files = pki(plan);
  const [ca, cert, key] = await Promise.all([
    readFile(files.crt("ca")),
    readFile(files.crt("admin")),
    readFile(files.key("admin")),
  ]);
  const agent = new Agent({ keepAlive: true, ca, cert, key });
  const send = (method: string, path: string, options: CallOptions = {}) =>
    new Promise<string>((resolve, reject) => {
      const body = options.body === undefined ? undefined : JSON.stringify(options.body);
      const headers: Record<string, string> = { accept: "application/json" };
      if (body !== undefined) headers["content-type"] = options.contentType ?? "application/json";
      const call = request(`${apiUrl(plan)}${path}`, { method, agent, headers, timeout: timeoutMs }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if ((status >= 200 && status < 300) || options.accept?.includes(status)) resolve(text);
          else reject(new Error(`${method} ${path}: ${status} ${message(text)}`));
        });
      });
      call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs / 1000} s`)));
      call.on("error", reject);
      call.end(body);
    });
  return {
    call: async <T>(method: string, path: string, options?: CallOptions) =>
      JSON.parse(await send(method, path, options)) as T,
    text: (path) => send("GET", path),
    close: () => agent.destroy(),
  };
}

function message(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.trim().slice(0, 300);
  }
}

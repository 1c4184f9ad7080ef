import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import { ProviderError } from "../../../provider";
import { isJsonMap, mapAt, text, type JsonMap } from "../object";
import type { Connection, ExecPlugin } from "./kubeconfig";

const run = promisify(execFile);

/** What one request needs to be let in. */
export interface Access {
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly cert?: string;
  readonly key?: string;
}

/** Milliseconds; a token file may be rotated under us. */
const TOKEN_FILE_TTL = 60_000;
/** Milliseconds; how long before its end an exec plugin's credential is renewed. */
const RENEW_BEFORE = 30_000;
const EXEC_TIMEOUT = 60_000;

/** Turns a user of a kubeconfig into headers and certificates, running exec plugins and re-reading token files when it must. */
export class Authenticator {
  #current?: { access: Promise<Access>; until: number };

  constructor(private readonly connection: Connection) {}

  access(): Promise<Access> {
    if (this.#current === undefined || Date.now() >= this.#current.until) {
      const fresh = { access: this.#make(), until: Number.POSITIVE_INFINITY };
      this.#current = fresh;
      fresh.access.catch(() => this.forget());
    }
    return this.#current.access;
  }

  /** After a 401: the next request gets a new credential. Returns whether that can help. */
  forget(): boolean {
    this.#current = undefined;
    return this.connection.user.exec !== undefined || this.connection.user.tokenFile !== undefined;
  }

  #expireAt(time: number): void {
    if (this.#current !== undefined) this.#current.until = time;
  }

  async #make(): Promise<Access> {
    const { user } = this.connection;
    const headers: Record<string, string | string[]> = {};
    let { cert, key } = user;
    if (user.impersonate !== undefined) {
      headers["Impersonate-User"] = user.impersonate.user;
      if (user.impersonate.groups.length > 0) headers["Impersonate-Group"] = [...user.impersonate.groups];
    }
    if (user.tokenFile !== undefined) {
      let token: string;
      try {
        token = (await readFile(user.tokenFile, "utf8")).trim();
      } catch (error) {
        throw new ProviderError(
          `${this.connection.source}: tokenFile ${user.tokenFile} cannot be read: ${(error as Error).message}`,
        );
      }
      headers["Authorization"] = `Bearer ${token}`;
      this.#expireAt(Date.now() + TOKEN_FILE_TTL);
    } else if (user.token !== undefined) {
      headers["Authorization"] = `Bearer ${user.token}`;
    } else if (user.basic !== undefined) {
      headers["Authorization"] =
        `Basic ${Buffer.from(`${user.basic.username}:${user.basic.password}`).toString("base64")}`;
    } else if (user.exec !== undefined) {
      const status = await this.#runPlugin(user.exec);
      const token = text(status, "token");
      if (token !== "") headers["Authorization"] = `Bearer ${token}`;
      cert = text(status, "clientCertificateData") || cert;
      key = text(status, "clientKeyData") || key;
      const end = Date.parse(text(status, "expirationTimestamp"));
      if (!Number.isNaN(end)) this.#expireAt(end - RENEW_BEFORE);
    }
    return { headers, ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  }

  async #runPlugin(plugin: ExecPlugin): Promise<JsonMap> {
    const where = `${this.connection.source}: exec plugin "${plugin.command}"`;
    const { server, tls } = this.connection;
    const cluster = {
      server,
      "insecure-skip-tls-verify": tls.insecure,
      ...(tls.ca === undefined ? {} : { "certificate-authority-data": Buffer.from(tls.ca).toString("base64") }),
      ...(tls.serverName === undefined ? {} : { "tls-server-name": tls.serverName }),
    };
    const info = {
      apiVersion: plugin.apiVersion,
      kind: "ExecCredential",
      spec: { interactive: false, ...(plugin.provideClusterInfo ? { cluster } : {}) },
    };
    let output: string;
    try {
      const env = { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
      output = (await run(plugin.command, [...plugin.args], { env, timeout: EXEC_TIMEOUT, maxBuffer: 1 << 20 })).stdout;
    } catch (error) {
      const { code, stderr } = error as { code?: string | number; stderr?: string };
      if (code === "ENOENT")
        throw new ProviderError(
          `${where} is not installed${plugin.installHint === undefined ? "" : `. ${plugin.installHint}`}`,
        );
      throw new ProviderError(
        `${where} failed (${code ?? "killed"}): ${(stderr ?? "").trim().split("\n").slice(-3).join(" ")}`,
      );
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(output);
    } catch {
      throw new ProviderError(`${where} did not print an ExecCredential as JSON`);
    }
    if (!isJsonMap(parsed) || !isJsonMap(parsed["status"]))
      throw new ProviderError(`${where} printed no status with a credential`);
    return mapAt(parsed, "status");
  }
}

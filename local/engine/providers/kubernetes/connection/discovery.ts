import { setTimeout as delay } from "node:timers/promises";

import { mapsAt, text } from "../object";
import type { ApiClient } from "./client";
import { ApiError } from "./errors";

/** Where objects of a kind are served. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Knows which kinds the server has. Asks once per API version and run, only for those that are needed. */
export class Discovery {
  readonly #versions = new Map<string, Promise<ReadonlyMap<string, ServedKind>>>();

  constructor(private readonly client: ApiClient) {}

  /** `undefined` when the server does not have the kind (now). */
  async find(apiVersion: string, kind: string): Promise<ServedKind | undefined> {
    const known = this.#versions.get(apiVersion);
    const found = (await (known ?? this.#ask(apiVersion))).get(kind);
    if (found !== undefined || known === undefined) return found;
    // A definition may have been created since.
    this.#versions.delete(apiVersion);
    return (await this.#ask(apiVersion)).get(kind);
  }

  /** Waits until the kind is served: its definition may be made by another resource of the same run. */
  async waitFor(
    apiVersion: string,
    kind: string,
    seconds: number,
    signal: AbortSignal,
    onWait: () => void,
  ): Promise<ServedKind | undefined> {
    const end = Date.now() + seconds * 1000;
    for (let pause = 200; ; pause = Math.min(pause * 2, 2000)) {
      const found = await this.find(apiVersion, kind);
      if (found !== undefined || Date.now() + pause > end || signal.aborted) return found;
      onWait();
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  #ask(apiVersion: string): Promise<ReadonlyMap<string, ServedKind>> {
    const pending = this.#versions.get(apiVersion);
    if (pending !== undefined) return pending;
    const asked = this.#fetch(apiVersion);
    this.#versions.set(apiVersion, asked);
    asked.catch(() => this.#versions.delete(apiVersion));
    return asked;
  }

  async #fetch(apiVersion: string): Promise<ReadonlyMap<string, ServedKind>> {
    const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const kinds = new Map<string, ServedKind>();
    try {
      const { body } = await this.client.request({ method: "GET", path });
      for (const resource of mapsAt(body, "resources")) {
        const [plural, kind] = [text(resource, "name"), text(resource, "kind")];
        if (plural.includes("/") || kinds.has(kind)) continue;
        kinds.set(kind, { apiVersion, kind, plural, namespaced: resource["namespaced"] === true });
      }
    } catch (error) {
      if (!(error instanceof ApiError) || !error.notFound) throw error;
    }
    return kinds;
  }
}

/** Path of the kind's objects, of one of them when `name` is given. An empty namespace means all. */
export function pathOf(served: ServedKind, namespace: string, name?: string): string {
  const root = served.apiVersion.includes("/") ? `/apis/${served.apiVersion}` : `/api/${served.apiVersion}`;
  const place = served.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${place}/${served.plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

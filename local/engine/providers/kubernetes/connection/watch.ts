import { setTimeout as delay } from "node:timers/promises";

import { mapsAt, text, type JsonMap } from "../object";
import type { ApiClient } from "./client";
import { ApiError } from "./errors";

/** Which objects to follow: all at a path, narrowed by selectors. */
export interface WatchScope {
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** Seconds after which the server ends a watch; it is then resumed where it stood. */
const WATCH_SECONDS = "300";
const MAX_PAUSE = 5000;

const keyOf = (object: JsonMap): string =>
  `${text(object, "metadata", "namespace")}/${text(object, "metadata", "name")}`;

/**
 * A live picture of some objects, kept by one watch. It survives the end of the watch, a forgotten resource version and an API server
 * that is away for a while.
 */
export class LiveObjects {
  readonly #objects = new Map<string, JsonMap>();
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #version: string | undefined;
  /** Set while the server cannot be reached. */
  trouble: string | undefined;
  /** Set when we are not allowed to look; then there is nothing to see, ever. */
  denied = false;
  /** Whether the picture is complete, that is, was listed or given once. */
  complete = false;

  /** @param known - the object itself, when it has just been read or written and only it is followed: this saves the list. */
  constructor(
    private readonly client: ApiClient,
    private readonly scope: WatchScope,
    known?: JsonMap,
  ) {
    if (known !== undefined) {
      this.#objects.set(keyOf(known), known);
      this.#version = text(known, "metadata", "resourceVersion");
      this.complete = true;
    }
    void this.#follow();
  }

  get objects(): JsonMap[] {
    return [...this.#objects.values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop.abort();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    let pause = 100;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list();
        this.trouble = undefined;
        await this.client.watch(
          this.scope.path,
          { ...this.#selectors(), resourceVersion: this.#version ?? "", timeoutSeconds: WATCH_SECONDS },
          signal,
          (event) => {
            pause = 100;
            this.#take(event);
          },
        );
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.code === 410) this.#version = undefined;
        else if (error instanceof ApiError && (error.code === 403 || error.code === 404)) {
          this.denied = true;
          this.#changed();
          return;
        } else {
          this.trouble = (error as Error).message;
          this.#changed();
        }
      }
      await delay(pause, undefined, { signal }).catch(() => undefined);
      pause = Math.min(pause * 2, MAX_PAUSE);
    }
  }

  #selectors(): Record<string, string> {
    const { fieldSelector, labelSelector } = this.scope;
    return {
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
  }

  async #list(): Promise<void> {
    const { body } = await this.client.request({ method: "GET", path: this.scope.path, query: this.#selectors() });
    this.#objects.clear();
    for (const object of mapsAt(body, "items")) this.#objects.set(keyOf(object), object);
    this.#version = text(body, "metadata", "resourceVersion");
    this.complete = true;
    this.#changed();
  }

  #take(event: JsonMap): void {
    const object = event["object"];
    const type = text(event, "type");
    if (typeof object !== "object" || object === null || Array.isArray(object)) return;
    if (type === "ERROR") {
      // Most often 410: the version is forgotten, so list again.
      this.#version = undefined;
      return;
    }
    this.#version = text(object, "metadata", "resourceVersion") || this.#version;
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.#objects.delete(keyOf(object));
    else this.#objects.set(keyOf(object), object);
    this.#changed();
  }
}

/** Lets resources that wait for the same objects (a namespace's pods, its warnings) share one watch. */
export class WatchHub {
  readonly #shared = new Map<string, { live: LiveObjects; users: number }>();
  readonly #own = new Set<LiveObjects>();

  constructor(private readonly client: ApiClient) {}

  /** One object, from the state just seen. */
  object(scope: WatchScope, known: JsonMap): { live: LiveObjects; release: () => void } {
    const live = new LiveObjects(this.client, scope, known);
    this.#own.add(live);
    const release = (): void => {
      live.close();
      this.#own.delete(live);
    };
    return { live, release };
  }

  share(scope: WatchScope): { live: LiveObjects; release: () => void } {
    const key = JSON.stringify([scope.path, scope.fieldSelector, scope.labelSelector]);
    const entry = this.#shared.get(key) ?? { live: new LiveObjects(this.client, scope), users: 0 };
    this.#shared.set(key, entry);
    entry.users++;
    const release = (): void => {
      if (--entry.users > 0) return;
      entry.live.close();
      this.#shared.delete(key);
    };
    return { live: entry.live, release };
  }

  close(): void {
    for (const { live } of this.#shared.values()) live.close();
    for (const live of this.#own) live.close();
  }
}

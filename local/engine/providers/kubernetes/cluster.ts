import { ProviderError, type ProviderContext } from "../../provider";
import type { Surroundings } from "./await/await";
import type { ProviderSettings } from "./config";
import { ApiClient } from "./connection/client";
import { Discovery, type ServedKind } from "./connection/discovery";
import { UnreachableError } from "./connection/errors";
import { resolveConnection, type Connection } from "./connection/kubeconfig";
import { WatchHub } from "./connection/watch";
import { builtinNamespaced } from "./kinds";

/** Seconds for which a custom resource waits for its definition. */
const DEFINITION_WAIT = 60;

/** The one cluster of a provider: connected to at the first need, and not at all in offline previews. */
export class Cluster {
  #parts?: { client: ApiClient; discovery: Discovery; hub: WatchHub };
  #connection?: Connection;
  #warned = new Set<string>();
  /** Set once a preview found that there is nothing to talk to. */
  #away = false;

  constructor(
    private readonly settings: ProviderSettings,
    private readonly context: ProviderContext,
    /** False when there is nothing to connect to yet: the settings are unknown in this preview. */
    private readonly known: boolean,
  ) {}

  get connection(): Connection {
    const { kubeconfig, context, cluster } = this.settings;
    this.#connection ??= resolveConnection({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      ...(cluster === undefined ? {} : { cluster }),
    });
    return this.#connection;
  }

  /** For objects that name no namespace. */
  get defaultNamespace(): string {
    if (this.settings.namespace !== undefined) return this.settings.namespace;
    if (!this.known) return "default";
    try {
      return this.connection.namespace ?? "default";
    } catch (error) {
      // A preview works without a cluster; whatever needs one reports it.
      if (error instanceof ProviderError) return "default";
      throw error;
    }
  }

  parts(): { client: ApiClient; discovery: Discovery; hub: WatchHub } {
    if (this.#parts === undefined) {
      const client = new ApiClient(this.connection, this.context.signal, (message) => {
        if (!this.settings.suppressDeprecationWarnings) this.warnOnce(message);
      });
      this.#parts = { client, discovery: new Discovery(client), hub: new WatchHub(client) };
    }
    return this.#parts;
  }

  surroundings(urn: string): Surroundings {
    return { ...this.parts(), signal: this.context.signal, status: (message) => this.context.status(urn, message) };
  }

  warnOnce(message: string, urn?: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.context.warn(urn, message);
  }

  /**
   * Does something that is good to have in a preview but may be impossible: `undefined` when offline, when the provider's own settings are not
   * known yet, and when there is no cluster (which is told once).
   */
  async ifReachable<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (!this.known || this.context.offline || this.#away) return undefined;
    try {
      return await work();
    } catch (error) {
      const missing =
        error instanceof UnreachableError || (error instanceof ProviderError && this.#connection === undefined);
      if (!missing) throw error;
      this.#away = true;
      this.warnOnce(`${error.message}. Diffs are computed without it`);
      return undefined;
    }
  }

  /** Whether objects of the kind live in a namespace; a kind that nobody knows yet is taken to. */
  async namespaced(apiVersion: string, kind: string): Promise<boolean> {
    const builtin = builtinNamespaced(apiVersion, kind);
    if (builtin !== undefined) return builtin;
    return (await this.ifReachable(() => this.parts().discovery.find(apiVersion, kind)))?.namespaced ?? true;
  }

  /** @throws ProviderError when the server does not have the kind, also after a wait. */
  async served(apiVersion: string, kind: string, urn: string): Promise<ServedKind> {
    const { discovery } = this.parts();
    const found = await discovery.waitFor(apiVersion, kind, DEFINITION_WAIT, this.context.signal, () =>
      this.context.status(urn, `waiting for the kind ${kind} of ${apiVersion} to be served`),
    );
    if (found !== undefined) return found;
    throw new ProviderError(
      `the cluster at ${this.connection.server} has no kind ${kind} in ${apiVersion}; install its CustomResourceDefinition first (and name it in dependsOn), or check apiVersion and kind`,
    );
  }

  close(): void {
    this.#parts?.hub.close();
    this.#parts?.client.close();
  }
}

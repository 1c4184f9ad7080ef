/** Longest wait for a registry's answer; all are asked at once, so this is what a machine without a network pays in all. */
const timeoutMs = 1500;

const endpoints: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

/** Knows which registries answer; each is asked once in a run. */
export class Registries {
  readonly #answers = new Map<string, Promise<boolean>>();

  /** @param ask whether the registry at a host answers. @default asks its API over HTTPS, through the environment's proxy */
  constructor(private readonly ask: (host: string) => Promise<boolean> = askRegistry) {}

  answers(host: string): Promise<boolean> {
    const known = this.#answers.get(host);
    if (known) return known;
    const answer = this.ask(host);
    this.#answers.set(host, answer);
    return answer;
  }

  /** A registry that answered and then failed is not asked again. */
  failed(host: string): void {
    this.#answers.set(host, Promise.resolve(false));
  }
}

async function askRegistry(host: string): Promise<boolean> {
  // Loaded here, since most runs ask no registry and it is slow to load.
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: timeoutMs } });
  try {
    const response = await fetch(`https://${endpoints[host] ?? host}/v2/`, {
      dispatcher,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    // A registry answers 200, or 401 with where to get a token; anything else is a proxy or another kind of server.
    return response.status === 200 || response.status === 401;
  } catch {
    // Whatever keeps it from answering, there is nothing to pull from it.
    return false;
  } finally {
    await dispatcher.destroy();
  }
}

import type { FastifyInstance, FastifyRequest } from "fastify";

/** Which methods a path that is there has; asked only when a request met none. */
export class PathMethods {
  private readonly paths = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  constructor(app: FastifyInstance) {
    app.addHook("onRoute", ({ url, method }) => {
      const pattern = new RegExp(`^${url.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`);
      const known = this.paths.get(url) ?? { pattern, methods: new Set() };
      for (const each of [method].flat()) known.methods.add(each);
      this.paths.set(url, known);
    });
  }

  /** Empty when the path is not there. */
  of(request: FastifyRequest): string[] {
    const path = request.url.split("?", 1)[0] ?? "";
    const found = [...this.paths.values()].find(({ pattern }) => pattern.test(path));
    return [...(found?.methods ?? [])].sort();
  }
}

import { z } from "zod";
import routes from "./routes.json";

/** Seconds of the windows that requests are counted in. */
export const windowSeconds = { second: 1, minute: 60, hour: 3600 } as const;

const name = z.string().regex(/^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$/, "must be lower-case letters, digits and dashes");
const prefix = z
  .string()
  .regex(/^\/([A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*)?$/, "must be a path such as /api/v1, without a slash at its end");
const whole = (least: number, most: number) => z.number().int().min(least).max(most);

const schema = z
  .strictObject({
    /** How often a client may ask, by class. Addresses and users are counted apart, and a request must pass both. */
    limits: z.record(
      name,
      z.strictObject({ requests: whole(1, 1_000_000), per: z.enum(["second", "minute", "hour"]) }),
    ),
    /** Request headers that tell users apart; the first that is there counts. */
    userHeaders: z.array(z.string().regex(/^[a-z0-9-]+$/, "must be a header in lower case")),
    routes: z
      .array(
        z.strictObject({
          name,
          prefixes: z.array(prefix).min(1),
          /** One of the backends that the edge is given. */
          backend: name,
          /** One of `limits`. */
          limit: name,
          /** Told to the backend in X-Api-Version. */
          apiVersion: z.string().optional(),
        }),
      )
      .min(1),
    resilience: z.strictObject({
      /** For one try. */
      timeoutSeconds: whole(1, 600),
      /** Further tries after the first; the pause between them grows exponentially. */
      retries: whole(0, 10),
      firstBackoffMilliseconds: whole(1, 10_000),
      /** Failed answers in a row after which a backend gets no request for `openSeconds`. */
      failuresToOpen: whole(1, 100),
      openSeconds: whole(1, 600),
    }),
    compression: z.strictObject({ leastBytes: whole(64, 1_000_000) }),
    /** Set on every answer. */
    responseHeaders: z.record(z.string(), z.string()),
  })
  .superRefine((table, context) => {
    const refuse = (path: readonly (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path: [...path], message });
    const taken = new Map<string, string>();
    const names = new Set<string>();
    table.routes.forEach((route, index) => {
      const at = ["routes", index] as const;
      if (names.has(route.name)) refuse([...at, "name"], `${route.name} is another route's name; names are unique`);
      names.add(route.name);
      if (!Object.hasOwn(table.limits, route.limit)) {
        const known = Object.keys(table.limits).join(", ");
        refuse([...at, "limit"], `${route.limit} is not one of limits (${known})`);
      }
      for (const path of route.prefixes) {
        const other = taken.get(path);
        if (other) refuse([...at, "prefixes"], `${path} is one of route ${other}, too; a path has one route`);
        taken.set(path, route.name);
      }
    });
  });

export type RouteTable = z.infer<typeof schema>;
export type Route = RouteTable["routes"][number];

/**
 * The routes and rules of the edge, the same for every environment.
 *
 * @param data @default infra/edge/routes.json
 * @throws Error that names every key that is wrong, and what would be right
 */
export function routeTable(data: unknown = routes): RouteTable {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the table"}: ${message}`);
  throw new Error(`infra/edge/routes.json: ${problems.join("; ")}`);
}

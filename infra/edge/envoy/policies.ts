import type { Route, RouteTable } from "../table";

const gatewayGroup = "gateway.networking.k8s.io";
const units = { second: "Second", minute: "Minute", hour: "Hour" } as const;

/** Rules between clients and the proxy. */
export function clientTrafficPolicy(gateway: string, { responseHeaders }: RouteTable, proxyProtocol: boolean): object {
  return {
    targetRefs: [{ group: gatewayGroup, kind: "Gateway", name: gateway }],
    // A check of the balancer itself may come without.
    ...(proxyProtocol && { proxyProtocol: { optional: true } }),
    tls: { minVersion: "1.2", alpnProtocols: ["h2", "http/1.1"] },
    headers: {
      disableRateLimitHeaders: false,
      lateResponseHeaders: {
        set: Object.entries(responseHeaders).map(([name, value]) => ({ name, value })),
      },
    },
    http2: { maxConcurrentStreams: 250 },
    timeout: { http: { requestReceivedTimeout: "60s", idleTimeout: "300s" } },
  };
}

/** Rules between the proxy and the backend of one route. */
export function backendTrafficPolicy(
  target: string,
  route: Route,
  table: RouteTable,
  counting: "global" | "local",
): object {
  const { resilience, compression } = table;
  const { retries, firstBackoffMilliseconds, failuresToOpen, openSeconds, timeoutSeconds } = resilience;
  return {
    targetRefs: [{ group: gatewayGroup, kind: "HTTPRoute", name: target }],
    rateLimit: { [counting]: { rules: rateLimitRules(route, table) } },
    retry: {
      numRetries: retries,
      perRetry: { backOff: { baseInterval: `${firstBackoffMilliseconds}ms`, maxInterval: "2s" } },
      // Only what the backend has certainly not begun to do, or says itself that it has not.
      retryOn: { triggers: ["connect-failure", "refused-stream", "retriable-status-codes"], httpStatusCodes: [503] },
    },
    healthCheck: {
      passive: {
        consecutive5XxErrors: failuresToOpen,
        consecutiveGatewayErrors: failuresToOpen,
        consecutiveLocalOriginFailures: failuresToOpen,
        splitExternalLocalOriginErrors: false,
        interval: "1s",
        baseEjectionTime: `${openSeconds}s`,
        maxEjectionPercent: 100,
      },
    },
    timeout: { http: { requestTimeout: `${timeoutSeconds}s` } },
    compressor: ["Brotli", "Gzip"].map((type) => ({ type, minContentLength: String(compression.leastBytes) })),
  };
}

/** Each address has a counter of its own, and each user, who is told by the first of the headers that the request carries. */
function rateLimitRules({ limit }: Route, { limits, userHeaders }: RouteTable): object[] {
  const declared = limits[limit];
  if (!declared) throw new Error(`infra/edge/routes.json: limits has no ${limit}`);
  const bound = { limit: { requests: declared.requests, unit: units[declared.per] } };
  const addresses = ["0.0.0.0/0", "::/0"].map((value) => ({
    clientSelectors: [{ sourceCIDR: { type: "Distinct", value } }],
    ...bound,
  }));
  const users = userHeaders.map((name) => ({
    clientSelectors: [{ headers: [{ type: "Distinct", name }] }],
    ...bound,
  }));
  return [...addresses, ...users];
}

import type { RouteTable } from "../table";
import { windowSeconds } from "../table";

/** Ports of Traefik itself, besides 80 and 443. */
export const internalPort = 8082;

/** Folder of the files below in the container. */
export const configurationFolder = "/etc/traefik";

/** Where Traefik looks for the source of local plugins, from its working directory `/`. */
export const limitsFolder = "/plugins-local/src/ballast.dev/limits";

/** What Traefik reads at its start. @param namespaces those whose routes, Services and Secrets it watches */
export function staticConfiguration(table: RouteTable, namespaces: readonly string[]): object {
  const { timeoutSeconds } = table.resilience;
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "INFO", format: "json" },
    ping: { entryPoint: "internal" },
    metrics: { prometheus: { entryPoint: "internal", addRoutersLabels: true } },
    entryPoints: {
      web: { address: ":80" },
      websecure: {
        address: ":443",
        http: { middlewares: middlewareOrder.map((name) => `${name}@file`) },
        transport: { lifeCycle: { requestAcceptGraceTimeout: "2s", graceTimeOut: "10s" } },
      },
      internal: { address: `:${internalPort}` },
    },
    providers: {
      kubernetesGateway: { namespaces: [...namespaces] },
      file: { filename: `${configurationFolder}/dynamic.yml`, watch: false },
    },
    serversTransport: { forwardingTimeouts: { dialTimeout: "2s", responseHeaderTimeout: `${timeoutSeconds}s` } },
    experimental: { localPlugins: { limits: { moduleName: "ballast.dev/limits" } } },
  };
}

/** From the outermost in: a refused request is not tried again, and counts as no failure of a backend. */
const middlewareOrder = ["headers", "compress", "limits", "breaker", "retry"] as const;

/** The rules of the edge in Traefik's words. */
export function dynamicConfiguration(table: RouteTable): object {
  const { resilience, compression, limits, routes } = table;
  const classes = Object.entries(limits).map(([name, { requests, per }]) => ({
    name,
    prefixes: routes.filter(({ limit }) => limit === name).flatMap(({ prefixes }) => prefixes),
    requests,
    seconds: windowSeconds[per],
  }));
  const middlewares: Record<(typeof middlewareOrder)[number], object> = {
    headers: { headers: { customResponseHeaders: table.responseHeaders } },
    compress: { compress: { minResponseBodyBytes: compression.leastBytes } },
    limits: { plugin: { limits: { classes, userHeaders: table.userHeaders } } },
    breaker: {
      circuitBreaker: {
        // Traefik knows shares of failures, not failures in a row.
        expression: "NetworkErrorRatio() > 0.5 || ResponseCodeRatio(500, 600, 0, 600) > 0.5",
        checkPeriod: "1s",
        fallbackDuration: `${resilience.openSeconds}s`,
        recoveryDuration: "5s",
      },
    },
    retry: {
      retry: { attempts: resilience.retries + 1, initialInterval: `${resilience.firstBackoffMilliseconds}ms` },
    },
  };
  return {
    http: { middlewares },
    tls: { options: { default: { minVersion: "VersionTLS12", sniStrict: true, alpnProtocols: ["h2", "http/1.1"] } } },
  };
}

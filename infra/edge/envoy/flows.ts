import type { ChartPods } from "../../charts/flows";
import { scraped } from "../../charts/flows";
import { platformLabels } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import type { EnvoyArgs } from "./envoy";

/** Of the chart's controller. */
export const controllerPods = { "control-plane": "envoy-gateway" };

const counterPods = { "app.kubernetes.io/component": "ratelimit", "app.kubernetes.io/managed-by": "envoy-gateway" };

/** Of the proxies that the controller runs for the Gateway. */
export const proxyPods = (gateway: string) => ({ "gateway.envoyproxy.io/owning-gateway-name": gateway });

/** Ports below 1024 of the Gateway are ten thousand higher in the pods. */
const listeners = [10080, 10443];
const ports = { configuration: 18000, limits: 18001, modules: 18002, figures: 19001, webhook: 9443, counter: 8081 };

/** What the parts of Envoy Gateway talk to. */
export function envoyFlows(
  gateway: string,
  { apiServer, backends, redis }: Pick<EnvoyArgs, "apiServer" | "backends" | "redis">,
): Readonly<Record<string, ChartPods>> {
  const between = (pods: Readonly<Record<string, string>>, ...own: number[]): Flow => ({ peer: { pods }, ports: own });
  const toController = between(controllerPods, ports.configuration, ports.modules);
  return {
    "envoy-gateway": {
      pods: controllerPods,
      ingress: [
        { peer: { pods: proxyPods(gateway) }, ports: toController.ports },
        { peer: apiServer.peer, ports: [ports.webhook] },
        scraped(ports.figures),
        ...(redis ? [between(counterPods, ports.limits)] : []),
      ],
      egress: [apiServer],
    },
    "envoy-gateway-certgen": { pods: { app: "certgen" }, ingress: [], egress: [apiServer] },
    [`${gateway}-proxy`]: {
      pods: proxyPods(gateway),
      ingress: [{ peer: { cidr: "0.0.0.0/0" }, ports: listeners }, scraped(ports.figures)],
      egress: [toController, ...backends, ...(redis ? [between(counterPods, ports.counter)] : [])],
    },
    ...(redis && {
      "envoy-ratelimit": {
        pods: counterPods,
        ingress: [between(proxyPods(gateway), ports.counter)],
        egress: [between(controllerPods, ports.limits), { peer: anyOfOurs, ports: [portOf(redis)] }],
      },
    }),
  };
}

const anyOfOurs = { pods: {}, namespaces: platformLabels };

function portOf(address: string): number {
  const port = Number(address.split(":").at(-1));
  if (!Number.isInteger(port))
    throw new Error(`redis is "${address}"; it must be host:port, for example "redis.data.svc:6379"`);
  return port;
}

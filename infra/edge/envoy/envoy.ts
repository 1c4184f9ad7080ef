import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../../cluster";
import { chartFlows } from "../../charts/flows";
import { chartSizes, release } from "../../charts/release";
import { platformLabels } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import type { GatewayObjects } from "../gateway";
import { gatewayApi } from "../gateway";
import type { RouteTable } from "../table";
import { controllerPods, envoyFlows, proxyPods } from "./flows";
import { backendTrafficPolicy, clientTrafficPolicy } from "./policies";

const envoyApi = "gateway.envoyproxy.io/v1alpha1";

const counter = chartSizes({ request: "50m", limit: "500m" }, { request: "64Mi", limit: "256Mi" });

/** The container beside each proxy that lets connections go; the proxy's own sizes and folders are not its. It keeps a file in /tmp. */
const shutdownManager = {
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: "shutdown-manager",
            resources: chartSizes({ request: "10m", limit: "100m" }, { request: "32Mi", limit: "64Mi" }),
            volumeMounts: [{ name: "shutdown", mountPath: "/tmp" }],
          },
        ],
        volumes: [{ name: "shutdown", emptyDir: { sizeLimit: "1Mi" } }],
      },
    },
  },
};

export interface EnvoyArgs {
  readonly namespace: string;
  readonly cluster: Pick<PlatformCluster, "loadBalancer">;
  /** Instances of the proxy, and of its controller. */
  readonly replicas: number;
  /**
   * `host:port` of the Redis in which all instances count together.
   * @default each instance counts by itself
   */
  readonly redis?: string;
  /** The API server, which the controller talks to, and which asks its webhook. */
  readonly apiServer: Flow;
  /** Pods that requests are passed on to. */
  readonly backends: readonly Flow[];
}

/** Envoy Gateway as implementation of the Gateway API, by its chart, which brings the API's definitions, too. */
export class Envoy extends pulumi.ComponentResource {
  readonly className = "envoy";
  readonly ports = { http: pulumi.output(80), https: pulumi.output(443) };
  private readonly namespace: string;
  private readonly counting: "global" | "local";
  private readonly proxyProtocol: boolean;

  constructor(name: string, args: EnvoyArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:Envoy", name, {}, options);
    const { namespace, cluster, replicas, redis } = args;
    this.namespace = namespace;
    this.counting = redis === undefined ? "local" : "global";
    this.proxyProtocol = cluster.loadBalancer.proxyProtocol ?? false;
    const child = { parent: this };
    const flows = chartFlows(namespace, envoyFlows(name, args), child);
    const chart = release(
      "envoy-gateway",
      {
        namespace,
        values: {
          deployment: {
            replicas,
            priorityClassName: "ballast-edge",
            pod: spread(controllerPods),
            envoyGateway: {
              resources: chartSizes({ request: "100m", limit: "500m" }, { request: "256Mi", limit: "1Gi" }),
            },
          },
          podDisruptionBudget: { minAvailable: replicas > 1 ? 1 : 0 },
          certgen: {
            job: { resources: chartSizes({ request: "10m", limit: "200m" }, { request: "64Mi", limit: "128Mi" }) },
          },
          config: {
            envoyGateway: {
              gateway: { controllerName: "gateway.envoyproxy.io/gatewayclass-controller" },
              provider: {
                type: "Kubernetes",
                kubernetes: {
                  watch: { type: "Namespaces", namespaces: [namespace] },
                  ...(redis && { rateLimitDeployment: { container: { resources: counter } } }),
                },
              },
              ...(redis && { rateLimit: { backend: { type: "Redis", redis: { url: redis } } } }),
            },
          },
        },
      },
      { ...child, dependsOn: flows },
    );
    const proxy = new CustomResource(
      `${name}-proxy`,
      {
        apiVersion: envoyApi,
        kind: "EnvoyProxy",
        metadata: { name, namespace, labels: platformLabels },
        spec: {
          // Connections are let go before an instance ends.
          shutdown: { drainTimeout: "30s" },
          provider: {
            type: "Kubernetes",
            kubernetes: {
              envoyDeployment: {
                replicas,
                // Known by name, for the exemptions of what it runs.
                name: `${name}-proxy`,
                pod: {
                  labels: { "app.kubernetes.io/part-of": "ballast" },
                  priorityClassName: "ballast-edge",
                  ...spread(proxyPods(name)),
                },
                container: {
                  resources: chartSizes({ request: "250m", limit: "2" }, { request: "256Mi", limit: "1Gi" }),
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    runAsNonRoot: true,
                    runAsUser: 65532,
                    runAsGroup: 65532,
                    capabilities: { drop: ["ALL"] },
                    seccompProfile: { type: "RuntimeDefault" },
                  },
                },
                patch: { type: "StrategicMerge", value: shutdownManager },
              },
              envoyPDB: { maxUnavailable: 1 },
              envoyService: {
                type: cluster.loadBalancer.serviceType,
                annotations: { ...cluster.loadBalancer.annotations },
                // Keeps the client's address, which the limits count by.
                externalTrafficPolicy: "Local",
              },
            },
          },
        },
      },
      { ...child, dependsOn: [chart] },
    );
    new CustomResource(
      `${name}-class`,
      {
        apiVersion: gatewayApi,
        kind: "GatewayClass",
        metadata: { name: this.className, labels: platformLabels },
        spec: {
          controllerName: "gateway.envoyproxy.io/gatewayclass-controller",
          parametersRef: { group: "gateway.envoyproxy.io", kind: "EnvoyProxy", name, namespace },
        },
      },
      { ...child, dependsOn: [proxy] },
    );
    this.registerOutputs({ ports: this.ports });
  }

  /**
   * What the Gateway API has no words for: limits, retries, ejection, compression, TLS versions and the headers of every answer.
   *
   * @param parent another than this component, which the Gateway waits for
   */
  policies({ gateway, name, routes }: GatewayObjects, table: RouteTable, parent: pulumi.Resource): void {
    const labels = platformLabels;
    const { namespace } = this;
    new CustomResource(
      `${name}-clients`,
      {
        apiVersion: envoyApi,
        kind: "ClientTrafficPolicy",
        metadata: { name, namespace, labels },
        spec: clientTrafficPolicy(name, table, this.proxyProtocol),
      },
      { parent, dependsOn: [gateway] },
    );
    for (const row of table.routes) {
      const route = routes[row.name];
      if (!route) continue;
      new CustomResource(
        `${route.name}-traffic`,
        {
          apiVersion: envoyApi,
          kind: "BackendTrafficPolicy",
          metadata: { name: route.name, namespace, labels },
          spec: backendTrafficPolicy(route.name, row, table, this.counting),
        },
        { parent, dependsOn: [route.resource] },
      );
    }
  }
}

function spread(matchLabels: Readonly<Record<string, string>>): object {
  const labelSelector = { matchLabels };
  return {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector } },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector,
      },
    ],
  };
}

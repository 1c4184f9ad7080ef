import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import { Service } from "@pulumi/kubernetes/core/v1/service";
import { ClusterRole } from "@pulumi/kubernetes/rbac/v1/clusterRole";
import { ClusterRoleBinding } from "@pulumi/kubernetes/rbac/v1/clusterRoleBinding";
import { Role } from "@pulumi/kubernetes/rbac/v1/role";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/roleBinding";
import * as pulumi from "@pulumi/pulumi";
import { scraped } from "../../charts/flows";
import type { PlatformCluster } from "../../cluster";
import { imageReference } from "../../imageReference";
import { DeploymentWorkload } from "../../workload/deploymentWorkload";
import { labelsOf, selectorOf } from "../../workload/labels";
import type { Flow } from "../../workload/network";
import { gatewayApi } from "../gateway";
import type { RouteTable } from "../table";
import {
  configurationFolder,
  dynamicConfiguration,
  internalPort,
  limitsFolder,
  staticConfiguration,
} from "./configuration";

export interface TraefikArgs {
  readonly namespace: string;
  readonly table: RouteTable;
  readonly cluster: Pick<PlatformCluster, "loadBalancer" | "apiServer">;
  /** Pods that requests are passed on to. */
  readonly backends: readonly Flow[];
}

/**
 * Traefik as implementation of the Gateway API where no chart can be installed. One replica, because its counters of requests are its
 * own.
 */
export class Traefik extends pulumi.ComponentResource {
  readonly className = "traefik";
  /** Ports under which clients reach it: on the nodes where the Service is a NodePort, else 80 and 443. */
  readonly ports: { readonly http: pulumi.Output<number>; readonly https: pulumi.Output<number> };

  constructor(name: string, args: TraefikArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:Traefik", name, {}, options);
    const { namespace, table, cluster } = args;
    const identity = { name, namespace, component: "gateway", owner: "platform" };
    const labels = labelsOf(identity);
    const child = { parent: this };
    const metadata = (own: string) => ({ name: own, namespace, labels });

    const configuration = {
      "traefik.yml": text(staticConfiguration(table, [namespace])),
      "dynamic.yml": text(dynamicConfiguration(table)),
    };
    const plugin = Object.fromEntries(
      ["limits.go", ".traefik.yml", "go.mod"].map((file) => [
        file,
        readFileSync(join(__dirname, "limits", file), "utf8"),
      ]),
    );
    const maps = [
      new ConfigMap(`${name}-config`, { metadata: metadata(`${name}-config`), data: configuration }, child),
      new ConfigMap(`${name}-limits`, { metadata: metadata(`${name}-limits`), data: plugin }, child),
    ];
    const rights = this.rights(name, namespace, labels);
    new CustomResource(
      `${name}-class`,
      {
        apiVersion: gatewayApi,
        kind: "GatewayClass",
        metadata: { name: this.className, labels },
        spec: { controllerName: "traefik.io/gateway-controller" },
      },
      child,
    );
    const service = new Service(
      name,
      {
        metadata: { ...metadata(name), annotations: { ...cluster.loadBalancer.annotations } },
        spec: {
          type: cluster.loadBalancer.serviceType,
          selector: selectorOf(identity),
          ports: [
            { name: "http", port: 80, targetPort: 80, protocol: "TCP" },
            { name: "https", port: 443, targetPort: 443, protocol: "TCP" },
          ],
        },
      },
      child,
    );
    const health = { path: "/ping", port: internalPort };
    new DeploymentWorkload(
      name,
      {
        ...identity,
        replicas: 1,
        priority: "ballast-edge",
        containers: [
          {
            name: "traefik",
            image: imageReference("traefik"),
            args: [`--configFile=${configurationFolder}/traefik.yml`],
            ports: { http: 80, https: 443, internal: internalPort },
            sizes: { cpu: { request: "50m", limit: "1" }, memory: { request: "96Mi", limit: "384Mi" } },
            probes: {
              startup: { check: health, every: 1, failures: 60 },
              readiness: { check: health, every: 5, failures: 2 },
              liveness: { check: { port: health.port }, every: 10, failures: 4, timeout: 5 },
            },
            mounts: {
              [configurationFolder]: { volume: "config", readOnly: true },
              [limitsFolder]: { volume: "limits", readOnly: true },
            },
          },
        ],
        volumes: {
          config: { kind: "config", configMap: `${name}-config` },
          limits: { kind: "config", configMap: `${name}-limits` },
        },
        user: { uid: 65532, gid: 65532 },
        sharesNodes: "if needed",
        lowPorts: true,
        disruption: { maxUnavailable: 1 },
        flows: { ingress: ingress(), egress: egress(args) },
        apiAccess: "Traefik watches Gateways, routes, the Services behind them and the certificate",
        stopSeconds: 20,
        restartsOn: [...Object.values(configuration), ...Object.values(plugin)],
      },
      { parent: this, dependsOn: [...maps, ...rights] },
    );
    const nodePort = (port: number) =>
      service.spec.apply(({ type, ports }) =>
        type === "NodePort" ? (ports.find((one) => one.port === port)?.nodePort ?? port) : port,
      );
    this.ports = { http: nodePort(80), https: nodePort(443) };
    this.registerOutputs({ ports: this.ports });
  }

  /** What Traefik may see: of the whole cluster only namespaces and classes, the rest in its own namespace. */
  private rights(name: string, namespace: string, labels: Record<string, string>): pulumi.Resource[] {
    const child = { parent: this };
    const watch = ["get", "list", "watch"];
    const group = "gateway.networking.k8s.io";
    const subjects = [{ kind: "ServiceAccount", name, namespace }];
    const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
    const wide = new ClusterRole(
      name,
      {
        metadata: { name, labels },
        rules: [
          { apiGroups: [""], resources: ["namespaces"], verbs: watch },
          { apiGroups: [group], resources: ["gatewayclasses"], verbs: watch },
          { apiGroups: [group], resources: ["gatewayclasses/status"], verbs: ["update"] },
        ],
      },
      child,
    );
    const kinds = ["gateways", "httproutes", "grpcroutes", "backendtlspolicies"];
    const narrow = new Role(
      name,
      {
        metadata: { name, namespace, labels },
        rules: [
          { apiGroups: [""], resources: ["services", "secrets", "configmaps"], verbs: watch },
          { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: watch },
          { apiGroups: [group], resources: [...kinds, "referencegrants"], verbs: watch },
          { apiGroups: [group], resources: kinds.map((kind) => `${kind}/status`), verbs: ["update"] },
        ],
      },
      child,
    );
    return [
      new ClusterRoleBinding(
        name,
        { metadata: { name, labels }, roleRef: roleRef("ClusterRole"), subjects },
        { ...child, dependsOn: [wide] },
      ),
      new RoleBinding(
        name,
        { metadata: { name, namespace, labels }, roleRef: roleRef("Role"), subjects },
        { ...child, dependsOn: [narrow] },
      ),
    ];
  }
}

/** JSON is YAML, too. */
function text(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function ingress(): Flow[] {
  return [{ peer: { cidr: "0.0.0.0/0" }, ports: [80, 443] }, scraped(internalPort)];
}

function egress({ cluster, backends }: TraefikArgs): Flow[] {
  return [{ peer: { cidr: cluster.apiServer.cidr }, ports: cluster.apiServer.ports }, ...backends];
}

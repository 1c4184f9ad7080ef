import { Service } from "@pulumi/kubernetes/core/v1/service";
import type * as pulumi from "@pulumi/pulumi";
import { clusterLabel, roleLabel, stateObjects } from "./patroni";
import { ports } from "./ports";

export interface PostgresServicesArgs {
  readonly scope: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the members' pods. */
  readonly selector: Readonly<Record<string, string>>;
  /** Whether the primary and the replicas answer on a port of every node, too. */
  readonly exposure: "NodePort" | "none";
}

export interface PostgresServices {
  readonly primary: Service;
  readonly replicas: Service;
  readonly headless: string;
  /** To be waited for: Patroni's own Endpoints must belong to a Service from the first. */
  readonly all: readonly Service[];
}

/**
 * Patroni writes the primary's Endpoints, and its state into further Endpoints. Each has a Service without a selector, or Kubernetes
 * would take them for leftovers and remove them; the pods come later, so none of them is waited for.
 */
export function postgresServices(
  name: string,
  args: PostgresServicesArgs,
  options: pulumi.CustomResourceOptions,
): PostgresServices {
  const { scope, namespace } = args;
  const annotations = { "pulumi.com/skipAwait": "true" };
  const metadata = (own: string) => ({ name: own, namespace, labels: { ...args.labels }, annotations });
  const type = args.exposure === "NodePort" ? "NodePort" : "ClusterIP";
  const port = { name: "postgres", port: ports.postgres, targetPort: ports.postgres, protocol: "TCP" };

  const states = stateObjects(scope).map(
    (state) => new Service(`${name}-${state}`, { metadata: metadata(state), spec: { clusterIP: "None" } }, options),
  );
  const headless = `${scope}-members`;
  const members = new Service(
    `${name}-members`,
    {
      metadata: metadata(headless),
      // Members find each other before they are ready.
      spec: { clusterIP: "None", publishNotReadyAddresses: true, selector: { ...args.selector }, ports: [port] },
    },
    options,
  );
  const primary = new Service(`${name}-primary`, { metadata: metadata(scope), spec: { type, ports: [port] } }, options);
  const replicas = new Service(
    `${name}-replicas`,
    {
      metadata: metadata(`${scope}-replicas`),
      spec: { type, selector: { ...args.selector, [clusterLabel]: scope, [roleLabel]: "replica" }, ports: [port] },
    },
    options,
  );
  return { primary, replicas, headless, all: [...states, members, primary, replicas] };
}

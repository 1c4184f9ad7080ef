import type { ReleaseArgs } from "@pulumi/kubernetes/helm/v3/release";
import { Release } from "@pulumi/kubernetes/helm/v3/release";
import type * as pulumi from "@pulumi/pulumi";
import charts from "./charts.json";

/** Installs a chart of `charts.json`, of exactly its version. It is waited for, and taken back as a whole when it fails. */
export function release(
  name: keyof typeof charts,
  args: { readonly namespace: string; readonly values: NonNullable<ReleaseArgs["values"]> },
  options: pulumi.CustomResourceOptions,
): Release {
  const entry: { readonly chart: string; readonly version: string; readonly repository?: string } = charts[name];
  return new Release(
    name,
    {
      name,
      chart: entry.chart,
      version: entry.version,
      ...(entry.repository && { repositoryOpts: { repo: entry.repository } }),
      namespace: args.namespace,
      createNamespace: false,
      atomic: true,
      timeout: 600,
      values: args.values,
    },
    options,
  );
}

/** Requests and limits as charts take them. */
export function chartSizes(
  cpu: { request: string; limit: string },
  memory: { request: string; limit: string },
): object {
  return {
    requests: { cpu: cpu.request, memory: memory.request },
    limits: { cpu: cpu.limit, memory: memory.limit },
  };
}

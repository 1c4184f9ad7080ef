import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import type * as pulumi from "@pulumi/pulumi";
import type { RuleGroup } from "../slos/burnRate";
import { type Identity, labelsOf, selectorOf } from "../workload/labels";

const monitoring = "monitoring.coreos.com/v1";

export interface WatchedArgs extends Identity {
  /** Name of the Service's port that serves /metrics. */
  readonly metricsPort: string;
  /** Of Prometheus; each group is looked at on its own. */
  readonly groups: readonly RuleGroup[];
  readonly dashboard: Dashboard;
}

/**
 * How a service is watched: what Prometheus reads and which rules it keeps, and the dashboard that Grafana shows. They stand beside the
 * service, not with what watches: they come and go with it, and a stack without Prometheus has them ready.
 */
export function watched(name: string, args: WatchedArgs, options: pulumi.CustomResourceOptions): pulumi.Resource[] {
  const labels = labelsOf(args);
  const metadata = { name: args.name, namespace: args.namespace, labels };
  return [
    new CustomResource(
      `${name}-monitor`,
      {
        apiVersion: monitoring,
        kind: "ServiceMonitor",
        metadata,
        spec: {
          selector: { matchLabels: selectorOf(args) },
          endpoints: [{ port: args.metricsPort, path: "/metrics", interval: "15s", scrapeTimeout: "10s" }],
        },
      },
      options,
    ),
    new CustomResource(
      `${name}-rules`,
      {
        apiVersion: monitoring,
        kind: "PrometheusRule",
        metadata,
        spec: { groups: [...args.groups] },
      },
      options,
    ),
    new ConfigMap(
      `${name}-dashboard`,
      {
        metadata: { ...metadata, name: `${args.name}-dashboard`, labels: { ...labels, grafana_dashboard: "1" } },
        data: { [`${args.name}.json`]: `${JSON.stringify(args.dashboard, null, 2)}\n` },
      },
      options,
    ),
  ];
}

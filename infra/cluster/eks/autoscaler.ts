import type { Release } from "@pulumi/kubernetes/helm/v3/release";
import type * as pulumi from "@pulumi/pulumi";
import { chartSizes, release } from "../../charts/release";
import { platformLabels } from "../../workload/labels";

/** Adds nodes for pods that find no room, and takes away those that stand empty. Logs in by pod identity. */
export function clusterAutoscaler(
  args: { readonly cluster: string; readonly region: string },
  options: pulumi.CustomResourceOptions,
): Release {
  const { "app.kubernetes.io/part-of": partOf } = platformLabels;
  return release(
    "cluster-autoscaler",
    {
      namespace: "kube-system",
      values: {
        fullnameOverride: "cluster-autoscaler",
        // The chart writes app.kubernetes.io/managed-by itself: once more would be a key twice.
        additionalLabels: { "app.kubernetes.io/part-of": partOf },
        autoDiscovery: { clusterName: args.cluster },
        awsRegion: args.region,
        rbac: { serviceAccount: { name: "cluster-autoscaler" } },
        replicaCount: 2,
        podDisruptionBudget: { maxUnavailable: 1 },
        extraArgs: {
          "balance-similar-node-groups": true,
          "skip-nodes-with-system-pods": false,
          expander: "least-waste",
        },
        resources: chartSizes({ request: "50m", limit: "200m" }, { request: "128Mi", limit: "512Mi" }),
      },
    },
    options,
  );
}

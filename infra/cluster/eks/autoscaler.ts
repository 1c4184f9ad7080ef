import { Release } from "@pulumi/kubernetes/helm/v3/release";
import type * as pulumi from "@pulumi/pulumi";
import { platformLabels } from "../../workload/labels";

/** Adds nodes for pods that find no room, and takes away those that stand empty. Logs in by pod identity. */
export function clusterAutoscaler(
  name: string,
  args: { readonly cluster: string; readonly region: string },
  options: pulumi.CustomResourceOptions,
): Release {
  return new Release(
    `${name}-autoscaler`,
    {
      name: "cluster-autoscaler",
      namespace: "kube-system",
      chart: "cluster-autoscaler",
      version: "9.46.6",
      repositoryOpts: { repo: "https://kubernetes.github.io/autoscaler" },
      atomic: true,
      values: {
        additionalLabels: platformLabels,
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
        resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "200m", memory: "512Mi" } },
      },
    },
    options,
  );
}

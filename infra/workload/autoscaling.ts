import type { input } from "@pulumi/kubernetes/types";

/** Bounds of a number of pods that follows what they use. */
export interface Autoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Use of CPU that is aimed at, in percent of the request. */
  readonly cpuPercent: number;
  /**
   * Use of memory that is aimed at, in percent of the request.
   * @default memory does not count
   */
  readonly memoryPercent?: number | undefined;
  /**
   * Seconds for which fewer pods must have been enough before one is ended.
   * @default 300
   */
  readonly scaleDownWindow?: number;
}

/** Doubles at once under load, and gives back slowly: a wave is often followed by another. */
export function autoscalerSpec(
  target: { readonly kind: "Deployment"; readonly name: string },
  { minReplicas, maxReplicas, cpuPercent, memoryPercent, scaleDownWindow = 300 }: Autoscaling,
): input.autoscaling.v2.HorizontalPodAutoscalerSpec {
  const use = (name: "cpu" | "memory", averageUtilization: number) => ({
    type: "Resource",
    resource: { name, target: { type: "Utilization", averageUtilization } },
  });
  return {
    scaleTargetRef: { apiVersion: "apps/v1", ...target },
    minReplicas,
    maxReplicas,
    metrics: [use("cpu", cpuPercent), ...(memoryPercent === undefined ? [] : [use("memory", memoryPercent)])],
    behavior: {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [
          { type: "Percent", value: 100, periodSeconds: 15 },
          { type: "Pods", value: 2, periodSeconds: 15 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: scaleDownWindow,
        selectPolicy: "Max",
        policies: [{ type: "Percent", value: 50, periodSeconds: 60 }],
      },
    },
  };
}

import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { HorizontalPodAutoscaler } from "@pulumi/kubernetes/autoscaling/v2/horizontalPodAutoscaler";
import type * as pulumi from "@pulumi/pulumi";
import type { Autoscaling } from "./autoscaling";
import { autoscalerSpec } from "./autoscaling";
import type { WorkloadArgs } from "./workload";
import { Workload } from "./workload";

export interface DeploymentWorkloadArgs extends WorkloadArgs {
  /** A fixed number of pods, or the bounds between which an autoscaler chooses it. */
  readonly replicas: number | Autoscaling;
}

/** A workload without volumes of its own. A pod is replaced only once its successor is ready. */
export class DeploymentWorkload extends Workload {
  readonly deployment: Deployment;

  constructor(name: string, args: DeploymentWorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super("DeploymentWorkload", name, args, options);
    const { metadata, ...spec } = this.shared;
    const { replicas } = args;
    this.deployment = new Deployment(
      name,
      {
        metadata,
        spec: {
          ...spec,
          // Where an autoscaler chooses, the field is its own: whoever applies a number takes it back.
          ...(typeof replicas === "number" && { replicas }),
          revisionHistoryLimit: 3,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        },
      },
      this.placed,
    );
    if (typeof replicas !== "number") {
      new HorizontalPodAutoscaler(
        name,
        { metadata: this.metadata, spec: autoscalerSpec({ kind: "Deployment", name: args.name }, replicas) },
        { parent: this, dependsOn: [this.deployment] },
      );
    }
    this.registerOutputs({ name: this.name, namespace: args.namespace });
  }
}

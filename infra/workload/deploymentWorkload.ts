import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import type * as pulumi from "@pulumi/pulumi";
import type { WorkloadArgs } from "./workload";
import { Workload } from "./workload";

/** A workload without volumes of its own. A pod is replaced only once its successor is ready. */
export class DeploymentWorkload extends Workload {
  readonly deployment: Deployment;

  constructor(name: string, args: WorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super("DeploymentWorkload", name, args, options);
    const { metadata, ...spec } = this.shared;
    this.deployment = new Deployment(
      name,
      {
        metadata,
        spec: {
          ...spec,
          replicas: args.replicas,
          revisionHistoryLimit: 3,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        },
      },
      this.placed,
    );
    this.registerOutputs({ name: this.name, namespace: args.namespace });
  }
}

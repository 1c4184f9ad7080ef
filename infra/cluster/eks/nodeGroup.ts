import { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate";
import type { Cluster } from "@pulumi/aws/eks/cluster";
import { NodeGroup } from "@pulumi/aws/eks/nodeGroup";
import type * as pulumi from "@pulumi/pulumi";
import type { NodePoolConfig } from "../../config";
import type { Bytes } from "../../config/quantity";
import type { ReservedNodes } from "../../workload/podSpec";

export interface NodeGroupArgs {
  readonly name: string;
  readonly cluster: Cluster;
  readonly roleArn: pulumi.Input<string>;
  readonly subnetIds: readonly pulumi.Input<string>[];
  readonly pool: NodePoolConfig;
  /** Size of each node's own disk. */
  readonly disk: Bytes;
  /** @default open to every pod */
  readonly reserved?: ReservedNodes;
}

const gibibyte = 2 ** 30;
/** Words of the EC2 API for the effects of taints. */
const effects: Readonly<Record<string, string>> = { NoSchedule: "NO_SCHEDULE", NoExecute: "NO_EXECUTE" };

/** An autoscaled group of nodes: encrypted disks, and no pod reaches the credentials of its node. */
export function nodeGroup(name: string, args: NodeGroupArgs, options: pulumi.CustomResourceOptions): NodeGroup {
  const { pool, reserved } = args;
  const template = new LaunchTemplate(
    name,
    {
      metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { volumeType: "gp3", volumeSize: Math.ceil(args.disk.value / gibibyte), encrypted: "true" },
        },
      ],
      updateDefaultVersion: true,
    },
    options,
  );
  return new NodeGroup(
    name,
    {
      clusterName: args.cluster.name,
      nodeGroupName: args.name,
      nodeRoleArn: args.roleArn,
      subnetIds: [...args.subnetIds],
      amiType: "AL2023_x86_64_STANDARD",
      instanceTypes: [pool.instance],
      launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
      scalingConfig: { minSize: pool.min, maxSize: pool.max, desiredSize: pool.min },
      updateConfig: { maxUnavailable: 1 },
      labels: reserved ? { ...reserved.labels } : { "ballast.dev/pool": args.name },
      taints: reserved
        ? [{ key: reserved.taint.key, value: reserved.taint.value, effect: effects[reserved.taint.effect] ?? "" }]
        : [],
    },
    // The autoscaler moves the wanted number between the two ends.
    { ...options, ignoreChanges: ["scalingConfig.desiredSize"] },
  );
}

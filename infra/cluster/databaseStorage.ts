import { StorageClass } from "@pulumi/kubernetes/storage/v1/storageClass";
import type * as pulumi from "@pulumi/pulumi";
import { platformLabels } from "../workload/labels";

export interface DatabaseStorageArgs {
  /** The CSI driver. */
  readonly provisioner: string;
  /** What the driver is told for each volume. @default none */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Volumes for databases: kept when their claim goes, made in the zone of the pod, and able to grow. Returns the class's name. */
export function databaseStorage(
  name: string,
  args: DatabaseStorageArgs,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const { metadata } = new StorageClass(
    name,
    {
      metadata: { name: "ballast-database", labels: platformLabels },
      provisioner: args.provisioner,
      ...(args.parameters && { parameters: { ...args.parameters } }),
      reclaimPolicy: "Retain",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    },
    options,
  );
  return metadata.name;
}

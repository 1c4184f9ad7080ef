import type { Capabilities } from "./platformCluster";

/** Nodes that only what keeps data may use: it tolerates the taint and asks for the label. */
export const dataPool = {
  labels: { "ballast.dev/pool": "data" },
  taint: { key: "ballast.dev/pool", value: "data", effect: "NoSchedule" },
} as const;

/** What every managed cluster can do. */
export const cloudCapabilities: Capabilities = {
  charts: true,
  nodeAutoscaling: true,
  volumeExpansion: true,
  volumeSnapshots: true,
};

/** Nodes that only what keeps data may use: it tolerates the taint and asks for the label. */
export const dataPool = {
  labels: { "ballast.dev/pool": "data" },
  taint: { key: "ballast.dev/pool", value: "data", effect: "NoSchedule" },
} as const;

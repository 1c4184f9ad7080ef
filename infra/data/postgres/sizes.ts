import type { Sizes } from "../../workload/container";

/** A small Python process that looks at two files a few times a second. */
export const guardSizes: Sizes = {
  cpu: { request: "10m", limit: "200m" },
  memory: { request: "24Mi", limit: "64Mi" },
};

export const exporterSizes: Sizes = {
  cpu: { request: "10m", limit: "200m" },
  memory: { request: "24Mi", limit: "96Mi" },
};

/** What a member's pod needs beside Postgres itself; counted against the namespace's quota. */
export const memberSidecars: readonly Sizes[] = [guardSizes, exporterSizes];

import type { FaultDrivers } from "./fault";
import { apiServerDown } from "./controlPlane";
import { nodeDrain, nodePartition, nodeStop } from "./nodes";
import { containerKill, podEvict, podKill } from "./pods";
import { scaleToZero } from "./workloads";

/** A driver a kind of fault. */
export const faultDrivers = {
  "api-server-down": apiServerDown,
  "container-kill": containerKill,
  "node-drain": nodeDrain,
  "node-partition": nodePartition,
  "node-stop": nodeStop,
  "pod-evict": podEvict,
  "pod-kill": podKill,
  "scale-to-zero": scaleToZero,
} as unknown as FaultDrivers;

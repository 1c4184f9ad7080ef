import type { FaultDrivers } from "./fault";
import { apiServerDown } from "./controlPlane";
import { credentialExpiry } from "./credential";
import { dependency } from "./dependency";
import { diskFill } from "./disk";
import { dnsFailure } from "./dns";
import { nodeDrain, nodePartition, nodeStop } from "./nodes";
import { containerKill, podEvict, podKill } from "./pods";
import { cpuPressure, memoryPressure } from "./pressure";
import { scaleToZero } from "./workloads";

/** A driver a kind of fault. */
export const faultDrivers: FaultDrivers = {
  "api-server-down": apiServerDown,
  "container-kill": containerKill,
  "cpu-pressure": cpuPressure,
  "credential-expiry": credentialExpiry,
  dependency,
  "disk-fill": diskFill,
  "dns-failure": dnsFailure,
  "memory-pressure": memoryPressure,
  "node-drain": nodeDrain,
  "node-partition": nodePartition,
  "node-stop": nodeStop,
  "pod-evict": podEvict,
  "pod-kill": podKill,
  "scale-to-zero": scaleToZero,
};

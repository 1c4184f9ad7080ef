import { parseExperiment, type Experiment, type ExperimentInput } from "../experiment/schema";
import { apiServerDown } from "./api-server-down";
import { nodeDrain } from "./node-drain";
import { postgresDiskFull } from "./postgres-disk-full";
import { postgresNodePartition } from "./postgres-node-partition";
import { postgresNodeStop } from "./postgres-node-stop";
import { postgresPairPartition } from "./postgres-pair-partition";
import { postgresPrimaryContainerKill } from "./postgres-primary-container-kill";
import { postgresPrimaryKill } from "./postgres-primary-kill";
import { taskdbContainerKill } from "./taskdb-container-kill";
import { taskdbCpuPressure } from "./taskdb-cpu-pressure";
import { taskdbCredentialExpiry } from "./taskdb-credential-expiry";
import { taskdbDnsFailure } from "./taskdb-dns-failure";
import { taskdbMemoryPressure } from "./taskdb-memory-pressure";
import { taskdbPodEvict } from "./taskdb-pod-evict";
import { taskdbPodKill } from "./taskdb-pod-kill";
import { taskdbScaleToZero } from "./taskdb-scale-to-zero";
import { taskdbSlowDatabase } from "./taskdb-slow-database";

const all: readonly ExperimentInput[] = [
  apiServerDown,
  nodeDrain,
  postgresDiskFull,
  postgresNodePartition,
  postgresNodeStop,
  postgresPairPartition,
  postgresPrimaryContainerKill,
  postgresPrimaryKill,
  taskdbContainerKill,
  taskdbCpuPressure,
  taskdbCredentialExpiry,
  taskdbDnsFailure,
  taskdbMemoryPressure,
  taskdbPodEvict,
  taskdbPodKill,
  taskdbScaleToZero,
  taskdbSlowDatabase,
];

/** Every experiment that there is, checked. */
export const experiments: readonly Experiment[] = all.map((each) =>
  parseExperiment(each, `chaos/experiments/${each.name}.ts`),
);

/** @throws with the names of those that there are */
export function findExperiment(name: string): Experiment {
  const found = experiments.find((each) => each.name === name);
  if (found) return found;
  throw new Error(`there is no experiment ${name}; there are: ${experiments.map((each) => each.name).join(", ")}`);
}

import { cloudFits } from "./cloudRules";
import type { ConfigProblem } from "./errors";
import type { StackConfig } from "./schema";
import { memberSidecars } from "../data/postgres/sizes";
import { formatBytes, formatCpu, parseBytes, parseCpu } from "./quantity";

/** What one container may have at most, in an environment; thousandths of a core and bytes. */
export interface Ceiling {
  readonly cpu: number;
  readonly memory: number;
}

/** Patroni's own rule: within one life of the key there is room for a loop and two attempts to renew it. */
function timing({ postgres }: StackConfig): ConfigProblem[] {
  const { ttl, loopWait, retryTimeout } = postgres.failover;
  const needed = loopWait + 2 * retryTimeout;
  if (needed <= ttl) return [];
  return [
    {
      key: "postgres.failover",
      message:
        `does not fit: loopWait (${loopWait}s) + 2 × retryTimeout (${retryTimeout}s) is ${needed}s, more than ttl (${ttl}s); ` +
        `raise ttl to ${needed}s or lower retryTimeout to ${Math.floor((ttl - loopWait) / 2)}s`,
    },
  ];
}

/** A request above its limit is refused by the API server, late and less clearly. */
function requestsWithinLimits(config: StackConfig): ConfigProblem[] {
  return sized.flatMap((owner) =>
    (["cpu", "memory"] as const).flatMap((kind) => {
      const { request, limit } = config[owner].resources[kind];
      if (request.value <= limit.value) return [];
      return [
        {
          key: `${owner}.resources.${kind}.request`,
          message: `is ${request.text}, more than the limit ${limit.text}; lower it`,
        },
      ];
    }),
  );
}

/** Sections of the file that say the sizes of a container. */
const sized = ["postgres", "taskdb"] as const;

/** The environment's ceilings, which the policy pack enforces as well. */
function withinCeiling(config: StackConfig, ceiling: Ceiling): ConfigProblem[] {
  const format = { cpu: formatCpu, memory: formatBytes };
  return sized.flatMap((owner) =>
    (["cpu", "memory"] as const).flatMap((kind) => {
      const { limit } = config[owner].resources[kind];
      if (limit.value <= ceiling[kind]) return [];
      return [
        {
          key: `${owner}.resources.${kind}.limit`,
          message:
            `is ${limit.text}, above the ceiling ${format[kind](ceiling[kind])} of environment "${config.environment}"; ` +
            `lower it, or raise the ceiling in policies/limits.json`,
        },
      ];
    }),
  );
}

/** Shared memory comes out of the container's limit; what is left must carry the sessions. */
function bufferFits({ postgres }: StackConfig): ConfigProblem[] {
  const { limit } = postgres.resources.memory;
  const { sharedBuffers } = postgres.settings;
  if (sharedBuffers.value <= limit.value / 2) return [];
  return [
    {
      key: "postgres.settings.sharedBuffers",
      message: `is ${sharedBuffers.text}, more than half of the container's memory limit ${limit.text}; lower it, or raise postgres.resources.memory.limit`,
    },
  ];
}

/** The roles' limits together must leave the server room for its own sessions. */
function connectionsFit({ postgres, databases }: StackConfig): ConfigProblem[] {
  const wanted = databases.list.reduce((sum, { connectionLimit }) => sum + 2 * connectionLimit, 0);
  const free = postgres.settings.maxConnections - reservedConnections;
  if (wanted <= free) return [];
  return [
    {
      key: "databases.list",
      message:
        `asks for ${wanted} connections (two roles a database), more than the ${free} that postgres.settings.maxConnections ` +
        `(${postgres.settings.maxConnections}) leaves after ${reservedConnections} for replication, monitoring and operators`,
    },
  ];
}

/** Sessions of Patroni, replication, the exporter, backups and an operator. */
const reservedConnections = 20;

/** What the quota is for is known, so a stack that cannot fit says so here and not as a pod that never comes. */
function quotaFits({ namespaces, postgres }: StackConfig): ConfigProblem[] {
  const { data } = namespaces;
  const { instances, resources, storage } = postgres;
  const sum = (own: number, others: readonly number[]) => instances * others.reduce((total, one) => total + one, own);
  const used = {
    cpu: sum(
      resources.cpu.limit.value,
      memberSidecars.map(({ cpu }) => parseCpu(cpu.limit)?.value ?? 0),
    ),
    memory: sum(
      resources.memory.limit.value,
      memberSidecars.map(({ memory }) => parseBytes(memory.limit)?.value ?? 0),
    ),
    storage: instances * storage.value,
  };
  const format = { cpu: formatCpu, memory: formatBytes, storage: formatBytes };
  return (["cpu", "memory", "storage"] as const).flatMap((kind) => {
    if (used[kind] <= data[kind].value) return [];
    const key = `namespaces.data.${kind}`;
    return [
      {
        key,
        message: `is ${data[kind].text}, less than the ${format[kind](used[kind])} that ${instances} Postgres members need; raise it`,
      },
    ];
  });
}

/** A service opens its pools without looking at each other, so all of them together must fit into its role's limit. */
function poolsFit({ databases, taskdb }: StackConfig): ConfigProblem[] {
  const index = databases.list.findIndex(({ name }) => name === "taskdb");
  const database = databases.list[index];
  if (database === undefined) {
    return [
      { key: "databases.list", message: 'has no database "taskdb", which the service of that name needs; add it' },
    ];
  }
  const { maxReplicas } = taskdb.autoscaling;
  // While pods are replaced there is one more.
  const wanted = (maxReplicas + 1) * taskdb.poolSize;
  if (wanted <= database.connectionLimit) return [];
  return [
    {
      key: "taskdb.poolSize",
      message:
        `is ${taskdb.poolSize}, so ${maxReplicas} pods (taskdb.autoscaling.maxReplicas) and one more while they are replaced ` +
        `hold ${wanted} connections, more than the ${database.connectionLimit} of databases.list[${index}].connectionLimit; ` +
        `raise that to ${wanted}, or lower this to ${Math.floor(database.connectionLimit / (maxReplicas + 1))}`,
    },
  ];
}

/** An autoscaler with nothing between its bounds scales nothing; one with its bounds the wrong way round is refused by the API server. */
function autoscalingBounds({ taskdb }: StackConfig): ConfigProblem[] {
  const { minReplicas, maxReplicas } = taskdb.autoscaling;
  if (minReplicas < maxReplicas) return [];
  const lower = maxReplicas > 1 ? `, or lower minReplicas to ${maxReplicas - 1}` : "";
  return [
    {
      key: "taskdb.autoscaling.maxReplicas",
      message: `is ${maxReplicas}, not more than minReplicas ${minReplicas}; raise it to ${minReplicas + 1} or more${lower}`,
    },
  ];
}

/** The service at its largest, and the one pod more while pods are replaced, within its namespace's quota. */
function servicesFit({ namespaces: { apps }, taskdb }: StackConfig): ConfigProblem[] {
  const { minReplicas, maxReplicas } = taskdb.autoscaling;
  const pods = maxReplicas + 1;
  const format = { cpu: formatCpu, memory: formatBytes };
  const sizes = (["cpu", "memory"] as const).flatMap((kind) => {
    const wanted = pods * taskdb.resources[kind].limit.value;
    if (wanted <= apps[kind].value) return [];
    return [
      {
        key: `namespaces.apps.${kind}`,
        message:
          `is ${apps[kind].text}, less than the ${format[kind](wanted)} that ${maxReplicas} pods (taskdb.autoscaling.maxReplicas) ` +
          `and one more while they are replaced need; raise it, or lower taskdb.autoscaling.maxReplicas`,
      },
    ];
  });
  if (pods <= apps.pods) return sizes;
  const least = minReplicas < apps.pods - 1 ? `, or lower maxReplicas to ${apps.pods - 1}` : "";
  return [
    ...sizes,
    {
      key: "namespaces.apps.pods",
      message: `is ${apps.pods}, less than the ${pods} of taskdb.autoscaling.maxReplicas and one more while they are replaced; raise it to ${pods}${least}`,
    },
  ];
}

function uniqueDatabases({ databases }: StackConfig): ConfigProblem[] {
  const names = databases.list.map(({ name }) => name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [
          {
            key: `databases.list[${index}].name`,
            message: `is "${name}", which an earlier entry has already; names are unique`,
          },
        ],
  );
}

/** The databases can be managed only where this machine reaches them. */
function databasesInReach({ cluster, databases }: StackConfig): ConfigProblem[] {
  const reached = cluster.kind === "embedded" || (cluster.kind === "existing" && cluster.exposure === "NodePort");
  if (!databases.managed || reached) return [];
  return [
    {
      key: "databases.managed",
      message:
        `is true, but this machine cannot reach Postgres on a cluster of kind "${cluster.kind}"` +
        `${cluster.kind === "existing" ? ' without cluster.exposure "NodePort"' : ""}; set databases to { managed: false, reason: …, list: … }`,
    },
  ];
}

/** The checks that need several values at once. */
export function crossChecks(config: StackConfig, ceiling: Ceiling): ConfigProblem[] {
  return [
    ...cloudFits(config),
    ...databasesInReach(config),
    ...timing(config),
    ...requestsWithinLimits(config),
    ...withinCeiling(config, ceiling),
    ...bufferFits(config),
    ...connectionsFit(config),
    ...poolsFit(config),
    ...autoscalingBounds(config),
    ...servicesFit(config),
    ...quotaFits(config),
    ...uniqueDatabases(config),
  ];
}

/** Ports of a member of the Postgres cluster. The guard (`guard/guard.py`) names the first three as well; a test compares. */
export const ports = { postgres: 5432, patroni: 8008, guard: 8009, exporter: 9187 } as const;

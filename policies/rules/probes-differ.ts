import { type ContainerRule, LONG_RUNNING } from "../rule";
import { at, isMap, isSame, show, type Value, unknownIn, type ValueMap } from "../value";

/** What the API server fills in, so that two notations of one check are equal. */
const DEFAULTS: Readonly<Record<string, ValueMap>> = {
  exec: {},
  httpGet: { path: "/", scheme: "HTTP" },
  tcpSocket: {},
  grpc: { service: "" },
};

function handlerOf(probe: Value | undefined): { kind: string; asks: ValueMap } | undefined {
  for (const [kind, defaults] of Object.entries(DEFAULTS)) {
    const asks = at(probe, kind);
    if (isMap(asks)) return { kind, asks: { ...defaults, ...asks } };
  }
  return undefined;
}

function describe({ kind, asks }: { kind: string; asks: ValueMap }): string {
  if (kind === "exec") return "a command";
  return kind === "httpGet" ? `${show(asks["path"])} on port ${show(asks["port"])}` : `port ${show(asks["port"])}`;
}

export const probesDiffer: ContainerRule = {
  name: "probes-differ",
  description:
    "A container's liveness probe does not ask what its readiness probe asks: what should only take it out of service must not restart it.",
  severity: "medium",
  references: [{ framework: "Kubernetes documentation", control: "Liveness, Readiness, and Startup Probes" }],
  remediation:
    "Let liveness ask only whether the process can still work (a path that touches no dependency, or its port by tcpSocket), and readiness whether it can serve.",
  scope: "container",
  roles: LONG_RUNNING,
  selects: (workload) => !workload.finite,
  *check({ spec }) {
    const [readiness, liveness] = [at(spec, "readinessProbe"), at(spec, "livenessProbe")];
    const unknown = unknownIn(readiness) ?? unknownIn(liveness);
    if (unknown !== undefined) {
      yield { unknown };
      return;
    }
    const [ready, live] = [handlerOf(readiness), handlerOf(liveness)];
    if (ready === undefined || live === undefined || ready.kind !== live.kind || !isSame(ready.asks, live.asks)) return;
    yield {
      breach: `livenessProbe and readinessProbe both ask ${describe(live)}, so whatever makes it unready restarts it; let liveness ask less`,
    };
  },
};

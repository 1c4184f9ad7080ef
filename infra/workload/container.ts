import type { input } from "@pulumi/kubernetes/types";
import type { Waiver } from "./waiver";
import { isWaiver } from "./waiver";

/** Where the value of an environment variable comes from. A password is always a `secret`. */
export type EnvironmentValue =
  | string
  | { readonly secret: string; readonly key: string }
  | { readonly field: "metadata.name" | "metadata.namespace" | "status.podIP" | "spec.nodeName" };

/** What asks a container how it is. */
export type Check =
  | { readonly path: string; readonly port: number }
  | { readonly command: readonly string[] }
  /** Only that something listens. */
  | { readonly port: number };

export interface Probe {
  readonly check: Check;
  /** Seconds between two checks. */
  readonly every: number;
  /** Failed checks in a row before it counts. */
  readonly failures: number;
  /**
   * Seconds after which an answer counts as failed.
   * @default 2
   */
  readonly timeout?: number;
}

export interface Probes {
  /**
   * Holds the other two back until it has passed once.
   * @default none
   */
  readonly startup?: Probe;
  /** Failing takes the pod out of its Services. */
  readonly readiness: Probe;
  /** Failing restarts the container. */
  readonly liveness: Probe;
}

/** Kubernetes amounts: `250m`, `512Mi`. */
export interface Sizes {
  readonly cpu: { readonly request: string; readonly limit: string };
  readonly memory: { readonly request: string; readonly limit: string };
}

export interface Mount {
  /** Name of one of the workload's volumes or claims. */
  readonly volume: string;
  /** @default false */
  readonly readOnly?: boolean;
}

export interface ContainerArgs {
  readonly name: string;
  /** Full reference with a tag or digest. */
  readonly image: string;
  /** @default the image's entry point */
  readonly command?: readonly string[];
  /** @default none */
  readonly args?: readonly string[];
  /** @default none */
  readonly environment?: Readonly<Record<string, EnvironmentValue>>;
  /**
   * Ports that it listens on, by name.
   * @default none
   */
  readonly ports?: Readonly<Record<string, number>>;
  readonly sizes: Sizes;
  readonly probes: Probes | Waiver;
  /**
   * Volumes by path. Everything else in the container is read-only.
   * @default none
   */
  readonly mounts?: Readonly<Record<string, Mount>>;
}

/** The container as Kubernetes takes it, with the secure settings that no caller can leave out. */
export function containerSpec(args: ContainerArgs): input.core.v1.Container {
  const { cpu, memory } = args.sizes;
  return {
    name: args.name,
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    ...(args.command && { command: [...args.command] }),
    ...(args.args && { args: [...args.args] }),
    env: Object.entries(args.environment ?? {}).map(([name, value]) => ({ name, ...environmentValue(value) })),
    ports: Object.entries(args.ports ?? {}).map(([name, containerPort]) => ({ name, containerPort, protocol: "TCP" })),
    resources: {
      requests: { cpu: cpu.request, memory: memory.request },
      limits: { cpu: cpu.limit, memory: memory.limit },
    },
    ...(isWaiver(args.probes) ? {} : probes(args.probes)),
    volumeMounts: Object.entries(args.mounts ?? {}).map(([mountPath, { volume, readOnly }]) => ({
      name: volume,
      mountPath,
      ...(readOnly && { readOnly }),
    })),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}

function environmentValue(value: EnvironmentValue): Omit<input.core.v1.EnvVar, "name"> {
  if (typeof value === "string") return { value };
  return "secret" in value
    ? { valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } }
    : { valueFrom: { fieldRef: { fieldPath: value.field } } };
}

function probes({ startup, readiness, liveness }: Probes) {
  return {
    ...(startup && { startupProbe: probe(startup) }),
    readinessProbe: probe(readiness),
    livenessProbe: probe(liveness),
  };
}

function probe({ check, every, failures, timeout = 2 }: Probe): input.core.v1.Probe {
  const action =
    "path" in check
      ? { httpGet: { path: check.path, port: check.port, scheme: "HTTP" } }
      : "command" in check
        ? { exec: { command: [...check.command] } }
        : { tcpSocket: { port: check.port } };
  return { ...action, periodSeconds: every, failureThreshold: failures, timeoutSeconds: timeout };
}

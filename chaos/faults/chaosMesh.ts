import { ApiException, CustomObjectsApi } from "@kubernetes/client-node";
import type { Ground } from "../ground";
import { until } from "../until";
import { longestFault } from "./longest";
import type { PodVictim } from "./pods";

/** Faults that Chaos Mesh makes where it is installed, by a resource each: what this machine cannot reach, its daemons on the nodes do. */

const api = { group: "chaos-mesh.org", version: "v1alpha1" } as const;
/** Chaos Mesh reconciles within seconds; its finalizer holds an object until what it did has been taken back. */
const seenWithin = 55;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

interface MeshObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

const objects = ({ kubeconfig }: Ground) => kubeconfig.makeApiClient(CustomObjectsApi);

/** Whether the cluster knows a kind of Chaos Mesh, or why the fault cannot be made by it. */
export async function meshKnows(plural: string, ground: Ground): Promise<true | string> {
  const why = `Chaos Mesh is not installed in it (no ${plural}.${api.group}/${api.version})`;
  try {
    const { resources } = await objects(ground).getAPIResources(api);
    return resources.some(({ name }) => name === plural) || why;
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) return why;
    throw error;
  }
}

/** A resource of Chaos Mesh that strikes pods, by its plural and its name. */
export class MeshFault {
  readonly #place;

  constructor(
    plural: string,
    private readonly namespace: string,
    private readonly name: string,
    private readonly ground: Ground,
  ) {
    this.#place = { ...api, plural, namespace, name };
  }

  async create(kind: string, pods: readonly PodVictim[], spec: object): Promise<void> {
    await objects(this.ground).createNamespacedCustomObject({
      ...this.#place,
      body: {
        apiVersion: `${api.group}/${api.version}`,
        kind,
        metadata: { name: this.name, namespace: this.namespace },
        spec: {
          ...spec,
          mode: "all",
          selector: { pods: { [this.namespace]: pods.map(({ name }) => name) } },
          duration: `${longestFault}s`,
        },
      },
    });
  }

  /** Waits until Chaos Mesh says that it has struck every pod. */
  async injected(): Promise<string> {
    let state = "without a status";
    await until(
      async () => {
        const { status } = (await objects(this.ground).getNamespacedCustomObject(this.#place)) as MeshObject;
        const conditions = status?.conditions ?? [];
        state = conditions
          .map(({ type, status: is, reason }) => `${type}=${is}${reason ? ` (${reason})` : ""}`)
          .join(", ");
        return conditions.some(({ type, status: is }) => type === "AllInjected" && is === "True");
      },
      { seconds: seenWithin, signal: this.ground.signal, otherwise: () => `${this.#about} is not injected: ${state}` },
    );
    return `${this.#about}: ${state}`;
  }

  /** Deletes it, and waits until Chaos Mesh has let it go. */
  async remove(): Promise<string> {
    const gone = async (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => false,
        (error: unknown) => {
          if (error instanceof ApiException && error.code === 404) return true;
          throw error;
        },
      );
    if (!(await gone(objects(this.ground).deleteNamespacedCustomObject(this.#place))))
      await until(() => gone(objects(this.ground).getNamespacedCustomObject(this.#place)), {
        seconds: seenWithin,
        signal: new AbortController().signal,
        otherwise: () => `${this.#about} is still there: Chaos Mesh has not taken it back`,
      });
    return `${this.#about} is gone`;
  }

  get #about(): string {
    const { plural, namespace, name } = this.#place;
    return `${plural} ${namespace}/${name}`;
  }
}

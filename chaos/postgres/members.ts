import type { V1Pod } from "@kubernetes/client-node";
import { CoreV1Api, CoordinationV1Api, KubeConfig } from "@kubernetes/client-node";
import { exec } from "../exec";
import type { Target } from "./writer";
import { sleep } from "./writer";

/** A Postgres cluster in Kubernetes, as the program of `infra` declares and exports it. */
export interface PostgresRef {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Name of the StatefulSet, and of the primary's Service. */
  readonly name: string;
  readonly instances: number;
  /** Address under which a node port is reached. */
  readonly nodeAddress: string;
  /** Secret with the superuser's `username` and `password`. */
  readonly superuserSecret: string;
}

export interface Member {
  readonly pod: string;
  readonly uid: string;
  readonly node: string;
  /** Id of the container that runs Postgres. */
  readonly containerId: string;
  readonly ready: boolean;
  readonly role: "primary" | "replica" | "none";
}

const container = "postgres";

/** What the API server knows of the members; never what a member says of itself. */
export class Members {
  private readonly config = new KubeConfig();
  private readonly core: CoreV1Api;
  private readonly leases: CoordinationV1Api;

  constructor(readonly postgres: PostgresRef) {
    this.config.loadFromFile(postgres.kubeconfig);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.leases = this.config.makeApiClient(CoordinationV1Api);
  }

  async all(): Promise<Member[]> {
    const { namespace, name } = this.postgres;
    const pods = await this.core.listNamespacedPod({ namespace, labelSelector: `cluster-name=${name}` });
    return pods.items.filter(({ metadata }) => !metadata?.deletionTimestamp).map(memberOf);
  }

  /** Name of the member that holds the leader's key, and of the standbys that have every acknowledged commit. */
  async leadership(): Promise<{ leader?: string; synchronous: string[] }> {
    const { namespace, name } = this.postgres;
    const read = async (endpoints: string) =>
      (await this.core.readNamespacedEndpoints({ namespace, name: endpoints })).metadata?.annotations ?? {};
    const [{ leader }, sync] = [await read(name), await read(`${name}-sync`)];
    return { ...(leader && { leader }), synchronous: (sync["sync_standby"] ?? "").split(",").filter(Boolean) };
  }

  async primary(): Promise<Member> {
    const { leader } = await this.leadership();
    const found = (await this.all()).find(({ pod }) => pod === leader);
    if (!found) throw new Error(`no pod is the primary of ${this.postgres.name} (leader's key: ${leader ?? "empty"})`);
    return found;
  }

  /** Whether every member is ready, one leads, and a synchronous standby stands by; and how it looks. */
  async state(): Promise<{ whole: boolean; looks: string }> {
    const [members, { leader, synchronous }] = [await this.all(), await this.leadership()];
    const standbys = members.filter(({ ready, role }) => ready && role === "replica").length;
    const primary = members.find(({ pod, ready, role }) => pod === leader && ready && role === "primary");
    const each = members.map(({ pod, role, ready }) => `${pod} ${role}${ready ? "" : " (not ready)"}`).join(", ");
    return {
      whole: primary !== undefined && standbys === this.postgres.instances - 1 && synchronous.length > 0,
      looks: `${each}; synchronous: ${synchronous.join(", ") || "none"}`,
    };
  }

  /** Waits until it is whole, as before the first fault. */
  async whole(timeoutSeconds = 240): Promise<void> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    let looks = "";
    while (Date.now() < deadline) {
      const state = await this.state();
      if (state.whole) return;
      looks = state.looks;
      await sleep(500);
    }
    throw new Error(`${this.postgres.name} is not whole after ${timeoutSeconds} s: ${looks}`);
  }

  /** The primary's Service on this machine, with the superuser's account. */
  async target(): Promise<Target> {
    const { namespace, name, superuserSecret, nodeAddress } = this.postgres;
    const service = await this.core.readNamespacedService({ namespace, name });
    const port = service.spec?.ports?.[0]?.nodePort;
    if (port === undefined)
      throw new Error(`Service ${namespace}/${name} has no node port; set cluster.exposure to NodePort`);
    const { data } = await this.core.readNamespacedSecret({ namespace, name: superuserSecret });
    const field = (key: string) => Buffer.from(data?.[key] ?? "", "base64").toString();
    return { host: nodeAddress, port, user: field("username"), password: field("password"), database: "postgres" };
  }

  async deletePod(pod: string, graceSeconds?: number): Promise<void> {
    const grace = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
    await this.core.deleteNamespacedPod({ namespace: this.postgres.namespace, name: pod, ...grace });
  }

  /** Waits until a pod of the same name has taken a deleted one's place; resolves to the new one's uid. */
  async replaced({ pod, uid }: Member, timeoutSeconds = 90): Promise<string> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    while (Date.now() < deadline) {
      const now = (await this.all()).find((member) => member.pod === pod);
      if (now && now.uid !== uid) return now.uid;
      await sleep(200);
    }
    throw new Error(`pod ${pod} (${uid}) was not replaced within ${timeoutSeconds} s`);
  }

  /** When the kubelet of a node last reported, as the API server has it. */
  async lastHeartbeat(node: string): Promise<string> {
    const lease = await this.leases.readNamespacedLease({ namespace: "kube-node-lease", name: node });
    // The client's type says Date; micro times arrive as a type of its own that prints itself.
    return String(lease.spec?.renewTime ?? "");
  }

  /** Runs a command in a member's Postgres container. */
  exec(pod: string, command: readonly string[]): Promise<string> {
    return exec(this.config, { namespace: this.postgres.namespace, pod, container }, command);
  }
}

function memberOf({ metadata, spec, status }: V1Pod): Member {
  const own = status?.containerStatuses?.find(({ name }) => name === container);
  const role = metadata?.labels?.["role"];
  return {
    pod: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    node: spec?.nodeName ?? "",
    containerId: own?.containerID?.replace(/^.*:\/\//, "") ?? "",
    ready: status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false,
    role: role === "primary" || role === "replica" ? role : "none",
  };
}

import { AppsV1Api, CoordinationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { loadImages } from "../../local/cluster/index";
import { lines, type SharedCluster } from "../../local/cluster/testing";
import type { Kubectl, TestPod } from "../../local/cluster/testing-pods";
import { podManifest } from "../../local/cluster/testing-pods";
import { until } from "../../local/cluster/until";
import { embeddedNodes } from "../embedded/nodeControl";
import type { Ground } from "../ground";

const image = "docker.io/library/debian:bookworm-slim";

/** What a driver stands on in a test: the cluster, where only the test's own namespaces may be hit. */
export function groundOn(
  cluster: Pick<SharedCluster, "name" | "kubeconfig">,
  namespaces: readonly string[],
  kubeconfig = fromFile(cluster.kubeconfig),
): Ground {
  return {
    stack: "test",
    environment: "local",
    kubeconfig,
    core: kubeconfig.makeApiClient(CoreV1Api),
    apps: kubeconfig.makeApiClient(AppsV1Api),
    leases: kubeconfig.makeApiClient(CoordinationV1Api),
    targets: {},
    limits: { namespaces, share: 1 },
    nodes: embeddedNodes(cluster.name, lines),
    say: (line) => lines.note(line),
    signal: new AbortController().signal,
  };
}

function fromFile(path: string): KubeConfig {
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromFile(path);
  return kubeconfig;
}

/** An empty namespace for pods of the test, whatever a run before it has left there. */
export async function freshNamespace(cluster: SharedCluster, kubectl: Kubectl, namespace: string): Promise<void> {
  await loadImages(cluster.name, [image], lines);
  await removeNamespace(kubectl, namespace);
  await kubectl(["create", "namespace", namespace]);
  await until("the namespace has its account", 60, () => kubectl(["-n", namespace, "get", "sa", "default"]));
}

export const removeNamespace = (kubectl: Kubectl, namespace: string): Promise<string> =>
  kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=120s"]);

/** Waits for the namespace's pods. */
export const podsReady = (kubectl: Kubectl, namespace: string): Promise<string> =>
  kubectl(["-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);

/** The test pod in copies that are replaced when they go, on whatever nodes. */
export function deploymentManifest({ namespace, name }: Omit<TestPod, "node">, replicas: number): object {
  const { metadata, spec } = podManifest({ namespace, name, node: "", arguments: ["tcp:8080"] }) as {
    metadata: { labels: object };
    spec: object;
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: metadata.labels },
      template: {
        metadata: { labels: metadata.labels },
        spec: { ...spec, nodeName: undefined, restartPolicy: "Always" },
      },
    },
  };
}

/** Waits until a Deployment has so many ready pods, and no other. */
export async function replicasAre(kubectl: Kubectl, namespace: string, name: string, count: number): Promise<void> {
  const status = "jsonpath={.spec.replicas} {.status.replicas} {.status.readyReplicas}";
  const wanted = count === 0 ? "0" : `${count} ${count} ${count}`;
  let seen = "";
  await until(
    `${name} has ${count} pods`,
    90,
    async () => {
      seen = (await kubectl(["-n", namespace, "get", "deployment", name, "-o", status])).trim();
      return seen.replace(/^0 0$/, "0") === wanted;
    },
    { why: () => `wanted, there, ready: ${seen}` },
  );
}

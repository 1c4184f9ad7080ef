import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { skip } from "../../cli/testing/skip";
import { identify, kill } from "./identity";
import { hostUnfit, loadImages, status } from "./index";
import { lines, sharedCluster, type SharedCluster } from "./testing";
import { kubectlOf, podManifest, reaches, type Kubectl, type TestPod } from "./testing-pods";
import { until } from "./until";

const shop = "policy-shop";
const lab = "policy-lab";
const server: TestPod = {
  namespace: shop,
  name: "server",
  node: "worker-1",
  arguments: ["tcp:8080", "tcp:9090", "udp:5300"],
};
const near: TestPod = { namespace: shop, name: "near", node: "worker-1", arguments: ["tcp:8080"] };
const far: TestPod = { namespace: shop, name: "far", node: "worker-2", arguments: ["tcp:8080"] };
const stranger: TestPod = { namespace: lab, name: "stranger", node: "worker-2", arguments: ["tcp:8080"] };
const pods = [server, near, far, stranger];

const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "server", namespace: shop },
  spec: { type: "NodePort", selector: { app: "server" }, ports: [{ port: 80, targetPort: "web" }] },
};

describe("network policies", function () {
  this.timeout(300_000);
  let cluster: SharedCluster;
  let kubectl: Kubectl;
  let address: Readonly<Record<string, string>>;
  let serviceAddress: string;
  let nodePort: number;
  let nodeCidr: string;
  let dns: string;

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    await loadImages(cluster.name, ["docker.io/library/debian:bookworm-slim"], lines);
    await removeNamespaces();
    for (const [name, team] of [
      [shop, "shop"],
      [lab, "lab"],
    ] as const) {
      await kubectl(["create", "namespace", name]);
      await kubectl(["label", "namespace", name, `team=${team}`]);
      await until("the namespace has its account", 60, () => kubectl(["-n", name, "get", "sa", "default"]));
    }
    const probed = {
      ports: [{ name: "web", containerPort: 8080 }],
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    };
    await kubectl(
      ["apply", "-f", "-"],
      list(service, ...pods.map((pod) => podManifest(pod, pod === server ? probed : {}))),
    );
    for (const namespace of [shop, lab])
      await kubectl(["-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);
    const found = await Promise.all(pods.map((pod) => get(pod, "{.status.podIP}")));
    address = Object.fromEntries(pods.map((pod, index) => [pod.name, found[index] ?? ""]));
    const ports = [
      "-n",
      shop,
      "get",
      "service",
      "server",
      "-o",
      "jsonpath={.spec.clusterIP} {.spec.ports[0].nodePort}",
    ];
    const [clusterIp = "", port = ""] = (await kubectl(ports)).split(" ");
    serviceAddress = clusterIp;
    nodePort = Number(port);
    dns = await kubectl(["-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}"]);
    nodeCidr = (await status(cluster.name)).nodeCidr ?? "";
  });
  after(async () => {
    if (kubectl !== undefined) await removeNamespaces();
  });
  afterEach(async () => {
    for (const namespace of [shop, lab]) await kubectl(["-n", namespace, "delete", "networkpolicy", "--all"]);
  });

  const removeNamespaces = () =>
    kubectl(["delete", "namespace", shop, lab, "--ignore-not-found", "--wait=true", "--timeout=120s"]);
  const get = (pod: TestPod, path: string) =>
    kubectl(["-n", pod.namespace, "get", "pod", pod.name, "-o", `jsonpath=${path}`]);
  const apply = (spec: object, name = "policy") => kubectl(["apply", "-f", "-"], policy(name, spec));
  /** Who of the others reaches the server's port 8080, on the pod's own address and by its Service. */
  const reachServer = async (expected: { near: boolean; far: boolean; stranger: boolean }) => {
    for (const pod of [near, far, stranger]) {
      const reached = expected[pod.name as keyof typeof expected];
      await reaches(kubectl, pod, {
        [`tcp:${address["server"]}:8080`]: reached,
        [`tcp:${serviceAddress}:80`]: reached,
      });
    }
  };
  const forServer = (ingress: object[]) => ({
    podSelector: { matchLabels: { app: "server" } },
    policyTypes: ["Ingress"],
    ingress,
  });
  const everyone = { near: true, far: true, stranger: true };
  const nobody = { near: false, far: false, stranger: false };
  const label = (...args: string[]) => kubectl(["label", "--overwrite", ...args]);

  it("isolate nobody as long as there is none, and nobody any more when they are gone", async () => {
    await reachServer(everyone);
    await apply(forServer([]));
    await reachServer(nobody);
    await kubectl(["-n", shop, "delete", "networkpolicy", "--all"]);
    await reachServer(everyone);
  });

  it("deny by default what comes in, on the node and from others, and leave what goes out and the kubelet's probes", async () => {
    await apply({ podSelector: {}, policyTypes: ["Ingress"] });
    await reachServer(nobody);
    await reaches(kubectl, near, { [`tcp:${address["far"]}:8080`]: false, [`tcp:${address["stranger"]}:8080`]: true });
    const connections = async () => (await kubectl(["-n", shop, "logs", "server"])).split("\n").length;
    const before = await connections();
    await until("the kubelet has probed three times more", 60, async () => (await connections()) >= before + 3);
    assert.equal(await get(server, "{.status.conditions[?(@.type=='Ready')].status}"), "True");
  });

  it("let pods in by label, and follow when the label changes", async () => {
    await apply(forServer([{ from: [{ podSelector: { matchLabels: { role: "client" } } }] }]));
    await reachServer(nobody);
    await label("-n", shop, "pod", "near", "far", "role=client");
    await label("-n", lab, "pod", "stranger", "role=client");
    await reachServer({ near: true, far: true, stranger: false });
    await label("-n", shop, "pod", "far", "role=other");
    await reachServer({ near: true, far: false, stranger: false });
    await label("-n", shop, "pod", "near", "far", "role-");
    await reachServer(nobody);
  });

  it("let namespaces in by label, and follow when the label changes", async () => {
    await apply(forServer([{ from: [{ namespaceSelector: { matchLabels: { team: "lab" } } }] }]));
    await reachServer({ near: false, far: false, stranger: true });
    await label("namespace", lab, "team=none");
    await reachServer(nobody);
    await label("namespace", lab, "team=lab");
    await reachServer({ near: false, far: false, stranger: true });
  });

  it("let blocks of addresses in, less exceptions", async () => {
    await apply(forServer([{ from: [{ ipBlock: { cidr: "0.0.0.0/0", except: [`${address["far"]}/32`] } }] }]));
    await reachServer({ near: true, far: false, stranger: true });
  });

  it("let ports in by number, range, name and protocol", async () => {
    const to = (port: string) => `${port.split(":")[0]}:${address["server"]}:${port.split(":")[1]}`;
    const only = async (ports: object[], open: readonly string[]) => {
      await apply(forServer([{ ports }]));
      const all = ["tcp:8080", "tcp:9090", "udp:5300"];
      const expected = Object.fromEntries(all.map((port) => [to(port), open.includes(port)]));
      for (const pod of [near, stranger]) await reaches(kubectl, pod, expected);
    };
    await only([{ port: 9090 }], ["tcp:9090"]);
    await only([{ port: "web" }], ["tcp:8080"]);
    await only([{ port: 5300, protocol: "UDP" }], ["udp:5300"]);
    await only([{ port: 8000, endPort: 9090 }], ["tcp:8080", "tcp:9090"]);
    await only([{ port: 5300, protocol: "SCTP" }], []);
  });

  it("deny by default what goes out, but what is allowed: DNS, and one peer", async () => {
    const dnsPods = { podSelector: { matchLabels: { "k8s-app": "kube-dns" } }, namespaceSelector: {} };
    const targets = (dnsOpen: boolean, serverOpen: boolean) => ({
      [`dns:${dns}:53`]: dnsOpen,
      [`tcp:${address["server"]}:8080`]: serverOpen,
      [`tcp:${serviceAddress}:80`]: serverOpen,
      [`tcp:${address["stranger"]}:8080`]: false,
    });
    await apply({ podSelector: {}, policyTypes: ["Egress"] });
    for (const pod of [near, far]) await reaches(kubectl, pod, targets(false, false));
    await apply(
      { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [dnsPods], ports: [{ port: 53, protocol: "UDP" }] }] },
      "dns",
    );
    for (const pod of [near, far]) await reaches(kubectl, pod, targets(true, false));
    const toServer = { to: [{ podSelector: { matchLabels: { app: "server" } } }], ports: [{ port: "web" }] };
    await apply({ podSelector: {}, policyTypes: ["Egress"], egress: [toServer] }, "server");
    for (const pod of [near, far]) await reaches(kubectl, pod, targets(true, true));
  });

  it("do not keep a pod from itself by its own Service", async () => {
    await apply({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    await reaches(kubectl, near, { [`tcp:${serviceAddress}:80`]: false });
    await reaches(kubectl, server, { [`tcp:${serviceAddress}:80`]: true, [`tcp:${address["near"]}:8080`]: false });
  });

  it("see the clients of a NodePort as nodes", async () => {
    await until("the NodePort answers", 30, () => ask(nodePort));
    await apply(forServer([]));
    await until("the NodePort does not answer", 30, async () => (await ask(nodePort)) === "");
    await apply(forServer([{ from: [{ ipBlock: { cidr: nodeCidr } }] }]));
    // Through each of the three nodes.
    for (let count = 0; count < 3; count++) await until("the NodePort answers", 30, () => ask(nodePort));
    await reachServer(nobody);
  });

  it("hold from a pod's first instruction, and allow from there", async () => {
    await apply({
      podSelector: { matchLabels: { app: "fresh" } },
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: { matchLabels: { app: "server" } } }] }],
    });
    await reachServer(everyone);
    const connects = (host: string | undefined) =>
      `IO::Socket::INET->new(PeerAddr => "${host}", PeerPort => 8080, Timeout => 1) ? 1 : 0`;
    const script = `use IO::Socket::INET;
      my $allowed = ${connects(address["server"])};
      my $denied = 0; $denied += ${connects(address["stranger"])} for 1 .. 4;
      print "allowed $allowed denied $denied\\n"`;
    const fresh: TestPod = { namespace: shop, name: "fresh", node: "worker-3", script };
    await kubectl(["apply", "-f", "-"], podManifest(fresh));
    const logs = ["-n", shop, "logs", "fresh"];
    const said = await until("the new pod has tried", 120, async () => (await kubectl(logs)) || undefined);
    await kubectl(["-n", shop, "delete", "pod", "fresh"]);
    assert.equal(said, "allowed 1 denied 0");
  });

  it("stay in force while their enforcer is dead, and are kept again when it is back", async () => {
    const program = async () =>
      (await status(cluster.name)).nodes[0]?.programs.find(({ name }) => name === "network-policies");
    await apply(forServer([]));
    await reachServer(nobody);
    const pid = (await program())?.pid;
    assert.ok(pid);
    await kill(await identify(pid));
    await reachServer(nobody);
    await until("it runs again", 60, async () => ((await program())?.pid ?? pid) !== pid);
    await reachServer(nobody);
    await apply(forServer([{}]));
    await reachServer(everyone);
  });
});

function list(...items: object[]) {
  return { apiVersion: "v1", kind: "List", items };
}

function policy(name: string, spec: object) {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name, namespace: shop }, spec };
}

/** What a server on 127.0.0.1 says before it closes; "" when it says nothing for two seconds. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = createConnection(port, "127.0.0.1")
      .setEncoding("utf8")
      .setTimeout(2000, () => socket.destroy())
      .on("data", (chunk: string) => (text += chunk))
      .on("error", () => undefined)
      .on("close", () => resolve(text));
  });
}

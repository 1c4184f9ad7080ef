import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { skip } from "../../cli/testing/skip";
import { run } from "./command";
import { identify, kill } from "./identity";
import { down, hostUnfit, node, status, up, type ClusterStatus } from "./index";
import { lines, sharedCluster, type SharedCluster } from "./testing";
import { until } from "./until";

const workload = (claim: boolean) => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: cluster-test }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ port: 8080, targetPort: 8080 }]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: cluster-test }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: cluster-test, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: docker.io/library/debian:bookworm-slim
      command: [perl, -e]
      args:
        - |
          use IO::Socket::INET; $| = 1;
          my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;
          print "listening\\n";
          while (my $c = $s->accept) { print $c "pong\\n"; close $c }
      volumeMounts: ${claim ? "[{ name: data, mountPath: /data }]" : "[]"}
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
`;

describe("a cluster", function () {
  this.timeout(600_000);
  let cluster: SharedCluster;
  const kubectl = async (args: readonly string[], input?: string) =>
    (
      await run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args], input === undefined ? {} : { input })
    ).stdout.trim();
  const whole = (name: string): Promise<ClusterStatus> =>
    until(`cluster ${name} is whole`, 240, async () => {
      const state = await status(name);
      return state.state === "up" && state;
    });

  before(async function () {
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
  });

  it("has three Ready nodes in three zones, its parts and its addons", async () => {
    const state = await whole(cluster.name);
    assert.deepEqual(
      state.nodes.map((each) => [each.name, each.state, each.zone]),
      [
        ["worker-1", "ready", "zone-a"],
        ["worker-2", "ready", "zone-b"],
        ["worker-3", "ready", "zone-c"],
      ],
    );
    assert.deepEqual(
      state.controlPlane.programs.map(({ name }) => name),
      ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "local-volumes", "haproxy"],
    );
    const zones = await kubectl([
      "get",
      "nodes",
      "-o",
      "jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}",
    ]);
    assert.equal(zones, "zone-a zone-b zone-c");
    const version = await kubectl(["get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.kubeletVersion}"]);
    assert.equal(version, "v1.34.4");
  });

  it("is not touched by a second up", async () => {
    const before = pids(await status(cluster.name));
    const version = async () => JSON.parse(await kubectl(["get", "deployments", "-A", "-o", "json"])) as List;
    const generations = (list: List) => list.items.map(({ metadata }) => [metadata.name, metadata.generation]);
    const objects = generations(await version());
    await up({ name: cluster.name }, lines);
    assert.deepEqual(pids(await status(cluster.name)), before);
    assert.deepEqual(generations(await version()), objects);
  });

  it("keeps its keys and kubeconfig for their owner only", async () => {
    const { directory = "" } = await status(cluster.name);
    const { stdout } = await run("find", [directory, "-path", "*/pki/*", "-perm", "/077"]);
    assert.equal(stdout, "");
    const { stdout: open } = await run("find", [directory, "-name", "*kubeconfig", "-perm", "/077"]);
    assert.equal(open, "");
  });

  describe("runs a workload", () => {
    before(async () => {
      const { loadImages } = await import("./index.js");
      await loadImages(cluster.name, ["docker.io/library/debian:bookworm-slim"], lines);
      await kubectl(["create", "namespace", "cluster-test"]);
      await until("the namespace has its account", 60, () => kubectl(["-n", "cluster-test", "get", "sa", "default"]));
      await kubectl(["apply", "-f", "-"], workload(true));
      await kubectl(["-n", "cluster-test", "wait", "--for=condition=Ready", "pod/web", "--timeout=180s"]);
    });
    after(async () => {
      await kubectl(["delete", "namespace", "cluster-test", "--wait=true", "--timeout=120s"]);
    });

    it("that answers by its NodePort on 127.0.0.1, within the cluster's range", async () => {
      const port = Number(
        await kubectl(["-n", "cluster-test", "get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}"]),
      );
      const { nodePorts } = await status(cluster.name);
      assert.ok(nodePorts && port >= nodePorts.first && port <= nodePorts.last);
      assert.equal(await until("the NodePort answers", 30, () => ask(port)), "pong\n");
    });

    it("that resolves names of the cluster, and is executed in and logged", async () => {
      const lookup = ["getent", "hosts", "web.cluster-test.svc.cluster.local"];
      const address = await kubectl(["-n", "cluster-test", "exec", "web", "--", ...lookup]);
      const ip = await kubectl(["-n", "cluster-test", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
      assert.ok(address.startsWith(ip), `${address} is ${ip}`);
      assert.equal(await kubectl(["-n", "cluster-test", "logs", "web"]), "listening");
    });

    it("whose volume stays on its node, with its data", async () => {
      const on = () => kubectl(["-n", "cluster-test", "get", "pod", "web", "-o", "jsonpath={.spec.nodeName}"]);
      await kubectl(["-n", "cluster-test", "exec", "web", "--", "sh", "-c", "echo kept > /data/file"]);
      const first = await on();
      await kubectl(["-n", "cluster-test", "delete", "pod", "web", "--wait=true"]);
      await kubectl(["apply", "-f", "-"], workload(true));
      await kubectl(["-n", "cluster-test", "wait", "--for=condition=Ready", "pod/web", "--timeout=120s"]);
      assert.equal(await on(), first);
      assert.equal(await kubectl(["-n", "cluster-test", "exec", "web", "--", "cat", "/data/file"]), "kept");
      const { directory = "" } = await status(cluster.name);
      const folder = `${directory}/nodes/${first}/volumes`;
      assert.equal((await readdir(folder)).length, 1);
      await kubectl(["-n", "cluster-test", "delete", "pod/web", "pvc/data", "--wait=true"]);
      await until("the volume is gone with its claim", 60, async () => (await readdir(folder)).length === 0);
      await until("so is its object", 60, async () => (await kubectl(["get", "pv", "-o", "name"])) === "");
    });

    it("that kubectl top measures", async () => {
      const text = await until("metrics of all nodes are there", 180, async () => {
        const answer = await kubectl(["top", "nodes", "--no-headers"]);
        return answer.split("\n").length === 3 && !answer.includes("unknown") && answer;
      });
      assert.match(text, /worker-1 +\d+m/);
    });
  });

  it("has a kubelet again after it was killed", async () => {
    const kubelet = (state: ClusterStatus) => state.nodes[0]?.programs.find(({ name }) => name === "kubelet")?.pid;
    const pid = kubelet(await status(cluster.name));
    assert.ok(pid);
    await kill(await identify(pid));
    await up({ name: cluster.name }, lines);
    const after = kubelet(await whole(cluster.name));
    assert.ok(after && after !== pid);
  });

  it("is repaired by up when its control plane and a node were killed", async () => {
    const state = await status(cluster.name);
    const keeper = state.nodes[1]?.pid;
    assert.ok(keeper);
    const etcd = state.controlPlane.programs.find(({ name }) => name === "etcd")?.pid;
    assert.ok(etcd);
    const parent = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${etcd}/status`, "utf8"))?.[1];
    await kubectl(["create", "configmap", "survivor", "--from-literal=a=b"]);
    await kill(await identify(Number(parent)));
    await kill(await identify(keeper));
    assert.equal((await status(cluster.name)).state, "down");
    await up({ name: cluster.name }, lines);
    await whole(cluster.name);
    assert.equal(await kubectl(["get", "configmap", "survivor", "-o", "jsonpath={.data.a}"]), "b");
    await kubectl(["delete", "configmap", "survivor"]);
  });

  it("loses a node by stop, and has it back by start", async () => {
    await node.stop(cluster.name, "worker-3", lines);
    assert.equal((await status(cluster.name)).nodes[2]?.state, "stopped");
    await assert.rejects(node.partition(cluster.name, "worker-3", lines), /worker-3 is stopped; start it first/);
    await until("the API server knows", 90, async () =>
      (await kubectl(["get", "node", "worker-3", "--no-headers"])).includes("NotReady"),
    );
    await node.start(cluster.name, "worker-3", lines);
    await whole(cluster.name);
  });

  it("loses sight of a partitioned node, whose programs go on, until it is healed", async () => {
    await node.partition(cluster.name, "worker-2", lines);
    const cut = (await status(cluster.name)).nodes[1];
    assert.equal(cut?.state, "partitioned");
    assert.ok(cut.programs.every(({ pid }) => pid !== undefined));
    await until("the API server knows", 90, async () =>
      (await kubectl(["get", "node", "worker-2", "--no-headers"])).includes("NotReady"),
    );
    await node.heal(cluster.name, "worker-2", lines);
    await whole(cluster.name);
  });

  it("names its nodes when a fault names another", async () => {
    await assert.rejects(node.stop(cluster.name, "worker-9", lines), /its nodes are worker-1, worker-2, worker-3/);
  });

  it("stands beside a second one, which leaves nothing when it is taken down", async () => {
    const name = `${cluster.name}-two`;
    await down({ name, purge: true }, lines);
    const before = await traces(name);
    const first = await whole(cluster.name);
    await up({ name, nodes: 1 }, lines);
    const second = await whole(name);
    assert.notEqual(second.network, first.network);
    assert.notEqual(second.nodePorts?.first, first.nodePorts?.first);
    assert.equal(second.nodes.length, 1);
    assert.deepEqual(pids(await status(cluster.name)), pids(first), "the first one is not disturbed");
    await down({ name }, lines);
    assert.deepEqual(await traces(name), before);
    assert.equal((await status(name)).state, "absent");
    await up({ name, nodes: 1 }, lines);
    await whole(name);
    await down({ name, purge: true }, lines);
    assert.deepEqual(await traces(name), before);
    assert.equal((await status(cluster.name)).state, "up");
  });
});

interface List {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly generation: number } }[];
}

function pids(state: ClusterStatus) {
  return [state.controlPlane, ...state.nodes].map(({ programs }) => programs.map(({ name, pid }) => [name, pid]));
}

/** What a server on 127.0.0.1 says before it closes. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    createConnection(port, "127.0.0.1")
      .setEncoding("utf8")
      .setTimeout(3000, () => reject(new Error("no answer")))
      .on("data", (chunk: string) => (text += chunk))
      .on("error", reject)
      .on("close", () => resolve(text));
  });
}

/** All of the machine that a cluster could leave something in. */
async function traces(name: string): Promise<Record<string, string[]>> {
  const sorted = async (program: string, ...args: string[]) =>
    (await run(program, args, { accept: [0, 1] })).stdout.split("\n").filter(Boolean).sort();
  const processes = await sorted("ps", "-eo", "args");
  return {
    processes: processes.filter((line) => line.includes(`/${name}/`)),
    mounts: (await readFile("/proc/mounts", "utf8")).split("\n").sort(),
    links: (await sorted("ip", "-o", "link")).map((line) => line.split(":")[1] ?? ""),
    routes: await sorted("ip", "route", "show", "table", "all"),
    namespaces: await sorted("ip", "netns"),
    firewall: (await sorted("iptables-save")).filter((line) => !line.startsWith("#")),
    sets: await sorted("ipset", "list", "-name"),
    cgroups: await sorted("find", "/sys/fs/cgroup", "-path", `*/${name}*`),
  };
}

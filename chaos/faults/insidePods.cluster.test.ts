import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { skip } from "../../cli/testing/skip";
import { run } from "../../local/cluster/command";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster } from "../../local/cluster/testing";
import { kubectlOf, podManifest, type Kubectl, type TestPod } from "../../local/cluster/testing-pods";
import { until } from "../../local/cluster/until";
import { enterNetwork } from "../embedded/podNetwork";
import type { FaultKind } from "../experiment/schema";
import type { Ground } from "../ground";
import { freshNamespace, groundOn, podsReady, removeNamespace } from "../testing/ground";
import { strike as strikeOn } from "../testing/strike";
import { dependency } from "./dependency";
import { dnsFailure } from "./dns";
import type { FaultDriver, UndoRecord } from "./fault";
import { cpuPressure, memoryPressure } from "./pressure";

const namespace = "chaos-inside-pods";
/** What the restricted pod security standard asks for. */
const restricted = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 65532,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};
/** Greets, and keeps every connection. */
const greeter = `use IO::Socket::INET; my $socket = IO::Socket::INET->new(LocalPort => 8080, Listen => 99, ReuseAddr => 1) or die;
my @kept; while (my $client = $socket->accept) { print $client "pong\\n"; $client->flush; push @kept, $client }`;
const server: TestPod = { namespace, name: "server", node: "worker-1", script: greeter };
const client: TestPod = { namespace, name: "client", node: "worker-2", arguments: ["tcp:8080"] };
const bystander: TestPod = { namespace, name: "bystander", node: "worker-2", arguments: ["tcp:8080"] };
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "server", namespace },
  spec: { selector: { app: "server" }, ports: [{ port: 80, targetPort: 8080 }] },
};

/** Connects to the Service, and prints what became of it and after how many milliseconds. */
const asking = `use IO::Socket::INET; use Time::HiRes "time"; my $start = time;
my $socket = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 80, Timeout => 9);
my $said = $socket ? (<$socket> // "nothing") : "$!"; chomp $said;
printf "%d %s", 1000 * (time - $start), $said;`;

/** Connects by the Service and holds on; ends when the connection does. */
const holding = `use IO::Socket::INET; $| = 1;
my $socket = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 80) or die; print "open\\n";
while (1) { print $socket "x" or last; $socket->flush; select undef, undef, undef, 0.1 }`;

describe("faults inside pods", function () {
  this.timeout(300_000);
  let kubectl: Kubectl;
  let ground: Ground;
  let address: string;
  const target = { namespace, labels: { app: "client" } };

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    const cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    await freshNamespace(cluster, kubectl, namespace);
    await kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
    const limits = { resources: { limits: { cpu: "200m", memory: "128Mi" } }, securityContext: restricted };
    for (const object of [service, ...[server, client, bystander].map((pod) => podManifest(pod, limits))])
      await kubectl(["apply", "-f", "-"], object);
    await podsReady(kubectl, namespace);
    address = await kubectl(["-n", namespace, "get", "service", "server", "-o", "jsonpath={.spec.clusterIP}"]);
    ground = groundOn(cluster, [namespace]);
  });
  after(async () => {
    if (kubectl !== undefined) await removeNamespace(kubectl, namespace);
  });

  const inPod = (pod: TestPod, ...command: string[]) =>
    kubectl(["-n", namespace, "exec", pod.name, "-c", "main", "--", ...command]);
  const asks = async (pod: TestPod) => {
    const [, milliseconds, said] = /^(\d+) (.*)$/s.exec(await inPod(pod, "perl", "-e", asking, address)) ?? [];
    return { milliseconds: Number(milliseconds), said };
  };
  /** Whether the pod's own resolver finds a name. */
  const finds = (pod: TestPod) =>
    inPod(
      pod,
      "env",
      "RES_OPTIONS=timeout:1 attempts:1",
      "getent",
      "hosts",
      `server.${namespace}.svc.cluster.local.`,
    ).then(
      () => true,
      () => false,
    );
  const uidOf = (pod: TestPod) => kubectl(["-n", namespace, "get", "pod", pod.name, "-o", "jsonpath={.metadata.uid}"]);
  /** Rules of ours in the pod's network. */
  const rules = async (pod: TestPod) =>
    (await enterNetwork(await uidOf(pod), ["iptables-save"])).match(/ballast-chaos/g)?.length ?? 0;

  async function strike<K extends FaultKind>(driver: FaultDriver<K>, input: object) {
    const { record, ...struck } = await strikeOn(driver, input, ground);
    return { ...struck, mark: String(record?.details["mark"]) };
  }

  it("take names away from a pod and from no other, and give them back", async () => {
    assert.equal(await finds(client), true);
    const { proof, undo, mark } = await strike(dnsFailure, { target });
    try {
      assert.match(proof, /[1-9]\d* answers dropped/);
      assert.deepEqual([await finds(client), await finds(bystander)], [false, true]);
      assert.equal((await asks(client)).said, "pong", "connections by address go on");
    } finally {
      await undo();
    }
    assert.equal(await finds(client), true);
    assert.deepEqual([await rules(client), await leftOver(mark)], [0, []]);
    assert.match(await undo(), /answers it/);
  });

  it("end by themselves when nobody undoes them", async () => {
    const { mark, undo } = await strike(dnsFailure, { target });
    try {
      const [keeper] = await leftOver(mark);
      // As if its time were over.
      const { stdout } = await run("ps", ["--ppid", String(keeper), "-o", "pid="]);
      process.kill(Number(stdout.trim()), "SIGTERM");
      await until("the rules are gone", 30, async () => (await rules(client)) === 0);
      await until("so is the process", 30, async () => (await leftOver(mark)).length === 0);
      assert.equal(await finds(client), true);
    } finally {
      await undo();
    }
  });

  it("make a Service slow for a pod and for no other, also for connections that were open", async () => {
    const open = inPod(client, "perl", "-e", holding, address).catch(String);
    await until("the connection is open", 30, async () => (await connections(await uidOf(client), address)) > 0);
    const { proof, undo, mark } = await strike(dependency, {
      target,
      service: { namespace, name: "server", port: 80 },
      toxic: { type: "latency", milliseconds: 700 },
    });
    try {
      assert.match(proof, /answered after \d+ ms; [1-9]\d* packets turned aside/);
      await open;
      const [slow, quick] = [await asks(client), await asks(bystander)];
      assert.ok(slow.milliseconds >= 700, `it took ${slow.milliseconds} ms`);
      assert.ok(quick.milliseconds < 700, `the other took ${quick.milliseconds} ms`);
    } finally {
      await undo();
    }
    assert.ok((await asks(client)).milliseconds < 700);
    assert.deepEqual([await rules(client), await leftOver(mark)], [0, []]);
    await undo();
  });

  it("cut a Service off", async () => {
    const { undo, mark } = await strike(dependency, {
      target,
      service: { namespace, name: "server", port: 80 },
      toxic: { type: "cut" },
    });
    try {
      assert.match((await asks(client)).said ?? "", /refused/);
      assert.equal((await asks(bystander)).said, "pong");
    } finally {
      await undo();
    }
    assert.equal((await asks(client)).said, "pong");
    assert.deepEqual([await rules(client), await leftOver(mark)], [0, []]);
  });

  it("refuse a Service, or a port of it, that is not there, and touch nothing", async () => {
    const toxic = { type: "cut" };
    const at = (name: string, port: number) =>
      strike(dependency, { target, service: { namespace, name, port }, toxic });
    await assert.rejects(at("nobody", 80), /there is no Service chaos-inside-pods\/nobody/);
    await assert.rejects(at("server", 81), /no TCP port 81; it has 80/);
    assert.equal(await rules(client), 0);
  });

  it("use up a pod's share of the processor, within a restricted namespace, and let go", async () => {
    const before = await throttled(await uidOf(client));
    const { proof, undo } = await strike(cpuPressure, { target, workers: 2 });
    try {
      assert.match(proof, /s of the processor used up/);
      assert.ok((await throttled(await uidOf(client))) > before, "the limit of the pod counts");
    } finally {
      assert.match(await undo(), /has ended/);
    }
    assert.match(await undo(), /has ended/);
  });

  it("hold a pod's memory, and let go", async () => {
    const megabytes = 48;
    const { undo } = await strike(memoryPressure, { target, megabytes });
    try {
      assert.ok((await memory(await uidOf(client))) > 0.9 * megabytes * 2 ** 20);
    } finally {
      assert.match(await undo(), /has ended/);
    }
    await until("the memory is free", 30, async () => (await memory(await uidOf(client))) < megabytes * 2 ** 20);
  });

  it("have nothing to undo in a pod that is gone", async () => {
    const pod = {
      kind: "pod",
      namespace,
      name: "client",
      uid: "11111111-1111-1111-1111-111111111111",
      node: "worker-2",
    };
    const record = (fault: UndoRecord["fault"], details: UndoRecord["details"]) =>
      ({ fault, victims: [pod], details }) as UndoRecord;
    const mark = "ballast-chaos-00000000";
    assert.match(await dnsFailure.undo(record("dns-failure", { mark, mesh: false }), ground), /is gone/);
    assert.match(await dependency.undo(record("dependency", { mark, host: address, port: 80 }), ground), /is gone/);
    assert.match(await cpuPressure.undo(record("cpu-pressure", { container: mark }), ground), /is gone/);
  });
});

/** Processes of this machine with the mark as an argument. */
async function leftOver(mark: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_pid, index) => lines[index]?.split("\0").includes(mark)).map(Number);
}

/** Folders of a pod's control group, of one controller or of cgroup v2. */
async function groupOf(uid: string, controller: string): Promise<string> {
  const { stdout } = await run("find", ["/sys/fs/cgroup", "-type", "d", "-name", `pod${uid}`]);
  const found = stdout.split("\n").filter(Boolean);
  const own = found.find((path) => path.startsWith(`/sys/fs/cgroup/${controller}/`)) ?? found[0];
  if (own === undefined) throw new Error(`pod ${uid} has no control group on this machine`);
  return own;
}

/** How often the pod as a whole has been held back. */
async function throttled(uid: string): Promise<number> {
  const text = await readFile(`${await groupOf(uid, "cpu")}/cpu.stat`, "utf8");
  return Number(/^nr_throttled (\d+)$/m.exec(text)?.[1]);
}

/** Bytes that the pod uses as a whole. */
async function memory(uid: string): Promise<number> {
  const folder = await groupOf(uid, "memory");
  const files = [`${folder}/memory.current`, `${folder}/memory.usage_in_bytes`];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return Number(texts.find(Boolean));
}

/** Connections that a pod has open to an address. */
async function connections(uid: string, address: string): Promise<number> {
  return (await enterNetwork(uid, ["cat", "/proc/self/net/tcp"]))
    .split("\n")
    .filter((line) => line.includes(hex(address))).length;
}

const hex = (address: string): string => {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0").toUpperCase());
  return bytes.reverse().join("");
};

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../../cli/testing/skip";
import priorities from "../../infra/foundation/priorities.json";
import { imageReference } from "../../infra/imageReference";
import { dns, networkPolicySpec } from "../../infra/workload/network";
import { hostUnfit, loadImages } from "../../local/cluster/index";
import { lines, sharedCluster } from "../../local/cluster/testing";
import { kubectlOf, podManifest, type Kubectl } from "../../local/cluster/testing-pods";
import { until } from "../../local/cluster/until";
import { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { resolveConnection } from "../../local/engine/providers/kubernetes/connection/kubeconfig";
import { makePlan, type Plan } from "../plan";
import type { Ran } from "../run";
import { manifests, runLabel, shardedPlan } from "./manifests";
import { create } from "./objects";
import { runInCluster } from "./run";

const namespace = "load-shards";
const scenario = "edge-test";
const url = `http://web.${namespace}.svc:8080`;
const priority = "ballast-batch";

/** Answers each request, and logs its path. */
const server = `
use IO::Socket::INET; $| = 1;
my $socket = IO::Socket::INET->new(LocalPort => 8080, ReuseAddr => 1, Listen => 99) or die $@;
while (my $client = $socket->accept) {
  my $request = <$client>; 1 while defined($_ = <$client>) && /\\S/;
  print $request =~ /^GET (\\S+)/ ? "$1\\n" : "?\\n";
  print $client "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}";
  close $client;
}`;

const restricted = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 65532,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** As each namespace of the platform is: restricted, and closed. */
const ground = (nodeName: string) => [
  {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace, name: "only-dns" },
    spec: networkPolicySpec({}, { ingress: [], egress: [dns] }),
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name: "web" },
    spec: { selector: { app: "web" }, ports: [{ port: 8080, targetPort: 8080 }] },
  },
  podManifest({ namespace, name: "web", node: nodeName, script: server }, { securityContext: restricted }),
];

describe("a load from inside a cluster", function () {
  this.timeout(300_000);
  let kubectl: Kubectl;
  let client: ApiClient;
  let folder: string;
  let ownPriority = false;
  const notes: string[] = [];

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    const cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    await loadImages(cluster.name, ["docker.io/library/debian:bookworm-slim", imageReference("k6")], lines);
    client = new ApiClient(
      resolveConnection({ kubeconfig: cluster.kubeconfig }),
      new AbortController().signal,
      () => undefined,
    );
    await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=120s"]);
    ownPriority = (await kubectl(["get", "priorityclass", priority, "--ignore-not-found", "-o", "name"])) === "";
    const { value } = priorities[priority];
    if (ownPriority) await kubectl(["create", "priorityclass", priority, `--value=${value}`]);
    const node = await kubectl(["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    const [first, ...others] = ground(node);
    await kubectl(["apply", "-f", "-"], first);
    await until("the namespace has its account", 60, () => kubectl(["-n", namespace, "get", "sa", "default"]));
    await kubectl(["apply", "-f", "-"], { apiVersion: "v1", kind: "List", items: others });
    await kubectl(["-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=120s"]);
  });
  after(async () => {
    client?.close();
    if (kubectl === undefined) return;
    await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=120s"]);
    if (ownPriority) await kubectl(["delete", "priorityclass", priority, "--ignore-not-found"]);
  });
  beforeEach(async () => {
    notes.length = 0;
    folder = await mkdtemp(join(tmpdir(), "ballast-shards-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function planOf(run: string, script = "get", seconds = 3): Plan {
    const stages = [{ seconds, to: 1 }];
    return makePlan(
      {
        run,
        environment: "local",
        profile: "smoke",
        scenarios: [{ name: scenario, purpose: "a test", service: "edge", script: `testing/${script}`, rate: 20 }],
        targets: { edge: { url, ready: "/ready" } },
      },
      { profile: { purpose: "a test", judge: "objectives", abortOnMiss: false, start: 1, stages } },
    );
  }
  const send = (plan: Plan, signal = new AbortController().signal): Promise<Ran> =>
    runInCluster({ plan, shards: 2, client, folder, signal, note: (text) => notes.push(text) });
  const requests = async (path: string): Promise<number> =>
    (await kubectl(["-n", namespace, "logs", "web"])).split("\n").filter((line) => line === path).length;
  const left = () => kubectl(["get", "job,configmap,networkpolicy,pod", "-A", "-l", runLabel, "-o", "name"]);

  it("is the whole load, sent by two pods through the policies that are there, and leaves nothing", async () => {
    const [before, ready] = [await requests("/"), await requests("/ready")];
    const plan = planOf("Whole");
    const ran = await send(plan);
    assert.equal(ran.k6Code, 0, ran.errors.join("\n"));
    assert.deepEqual(ran.errors, []);
    const count = (metric: string) => ran.summary?.metrics[`${metric}{scenario:${scenario}}`]?.values["count"] ?? 0;
    const [done, dropped] = [count("iterations"), count("dropped_iterations")];
    assert.ok(Math.abs(done + dropped - (plan.due[scenario] ?? 0)) <= 1, `${done} done, ${dropped} dropped`);
    assert.equal((await requests("/")) - before, done, "the service counts others");
    assert.equal((await requests("/ready")) - ready, 2, "not each shard has asked whether it is ready");
    assert.equal(count("http_req_duration"), done);
    assert.ok((ran.measured[scenario]?.p95 ?? 0) > 0);
    assert.match(await readFile(join(folder, "summary.json"), "utf8"), /http_req_duration/);
    assert.equal(await left(), "");
  });

  it("ends with the code and the words of a shard that cannot do its share", async () => {
    const ran = await send(planOf("broken", "broken"));
    assert.equal(ran.code, 107);
    assert.match(ran.errors.join("\n"), /this script is broken/);
    assert.equal(await left(), "");
  });

  it("ends in order when it is interrupted, with what was measured until then", async () => {
    const controller = new AbortController();
    const before = await requests("/");
    const running = send(planOf("interrupted", "get", 120), controller.signal);
    await until("the load has begun", 60, async () => (await requests("/")) > before + 5);
    controller.abort();
    const ran = await running;
    assert.equal(ran.k6Code, 105);
    assert.ok(ran.summary, ran.errors.join("\n"));
    assert.equal(await left(), "");
  });

  it("says why its pods do not start", async () => {
    const quota = ["-n", namespace, "create", "quota", "none", "--hard=pods=1"];
    await kubectl(quota);
    try {
      await assert.rejects(send(planOf("refused")), /shard \d did not start in load-shards: .*exceeded quota: none/);
    } finally {
      await kubectl(["-n", namespace, "delete", "quota", "none"]);
    }
    assert.equal(await left(), "");
  });

  it("removes what a killed run has left, and refuses to run beside one that lives", async () => {
    const target = { namespace, pods: { app: "web" }, port: 8080 };
    const other = async (run: string, sender: string) => {
      const plan = shardedPlan(planOf(run), 1);
      const [configMap] = manifests({ plan, script: "", targets: [target], sender });
      assert.ok(configMap);
      await create(client, configMap);
    };
    await other("alive", `${hostname()}/${process.pid}`);
    await assert.rejects(send(planOf("second")), /the run alive of .* is under way in this cluster/);
    assert.match(await left(), /load-alive/);
    await kubectl(["-n", namespace, "delete", "configmap", "load-alive"]);
    // No process has this number: it is above the kernel's highest.
    await other("killed", `${hostname()}/4194305`);
    assert.equal((await send(planOf("third"))).k6Code, 0);
    assert.deepEqual(notes, ["what the run killed had left in the cluster is removed"]);
    assert.equal(await left(), "");
  });
});

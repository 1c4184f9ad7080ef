import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { parse } from "yaml";
import { skip } from "../../cli/testing/skip";
import { destroy, refresh, type RunResult, up, preview, exportState } from ".";
import { createDisplay } from "./display";
import { Cluster } from "./providers/kubernetes/cluster";
import { settingsOf } from "./providers/kubernetes/config";
import { type JsonMap, mapsAt, nameOf, text } from "./providers/kubernetes/object";
import { bench, recordingContext, testKubeconfig } from "./providers/kubernetes/testing/harness";
import { TestProject } from "./testing/project";

interface Kubeconfig {
  clusters: { cluster: { server: string } }[];
  users: { user: Record<string, unknown> }[];
}

/** A port of 127.0.0.1 on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What may go wrong with the cluster, through whole runs of a program: what the user reads, and what becomes of the state. */
describe("faults of the cluster, as the user sees them (real API server)", function () {
  this.timeout(180_000);
  let kubeconfig: string;
  let place: Awaited<ReturnType<typeof bench>>;
  let direct: Cluster;
  let project: TestProject;

  before(async function () {
    this.timeout(600_000);
    kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    direct = new Cluster(settingsOf({ kubeconfig }), recordingContext(), true);
  });
  after(async () => {
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });
  beforeEach(() => {
    project = new TestProject({ name: "faults", program: "" });
    reach();
  });
  afterEach(async () => {
    reach();
    const { result, diagnostics } = await destroy({ ...project.options(), skipPreview: true });
    project.remove();
    assert.equal(result, "succeeded", JSON.stringify(diagnostics));
  });

  /** Writes a program over the cluster of the file {@link reach} writes; `body` has the classes of core/v1 as `core`, of apps/v1 as `apps`. */
  function declare(body = ""): void {
    project.write(`
      import * as core from "@pulumi/kubernetes/core/v1";
      import * as apps from "@pulumi/kubernetes/apps/v1";
      import { Provider } from "@pulumi/kubernetes/provider";
      const provider = new Provider("cluster", { kubeconfig: ${JSON.stringify(kubeconfigFile())}, namespace: "${place.namespace}" });
      const options = { provider };
      ${body}
    `);
  }
  const kubeconfigFile = (): string => join(project.folder, "kubeconfig");
  /** How the stack's runs come to the cluster from now on. */
  function reach(change: (copy: Kubeconfig) => void = () => undefined): void {
    const copy = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    change(copy);
    writeFileSync(kubeconfigFile(), JSON.stringify(copy));
  }
  const map = (name: string, value: string): string =>
    `new core.ConfigMap("${name}", { metadata: { name: "${name}" }, data: { value: "${value}" } }, options);`;

  /** The outcome, with all that was written to the terminal. */
  async function seen(
    operation: (options: Parameters<typeof up>[0]) => Promise<RunResult>,
    more: Partial<Parameters<typeof up>[0]> = {},
  ): Promise<{ result: RunResult["result"]; changes: RunResult["changes"]; shown: string }> {
    const stream = new PassThrough();
    const shown: string[] = [];
    stream.on("data", (chunk: Buffer) => shown.push(chunk.toString()));
    const display = createDisplay({ mode: "plain", stream, color: false });
    const { result, changes } = await operation({ ...project.options(), skipPreview: true, events: display, ...more });
    display.close();
    return { result, changes, shown: shown.join("") };
  }

  const pathOf = (plural: string, name = ""): string => `/api/v1/namespaces/${place.namespace}/${plural}/${name}`;
  const ask = async (method: "GET" | "POST" | "DELETE", path: string, body?: JsonMap): Promise<JsonMap> =>
    (await direct.parts().client.request({ method, path, ...(body === undefined ? {} : { body }) })).body;
  const namesIn = async (plural: string): Promise<string[]> =>
    mapsAt(await ask("GET", pathOf(plural).slice(0, -1)), "items").map(nameOf);
  const recorded = async (): Promise<string[]> =>
    ((await exportState(project.options())).deployment.resources as { urn: string }[])
      .map(({ urn }) => urn.slice(urn.lastIndexOf("::") + 2))
      .sort();

  it("unreachable cluster: a preview says so and goes on, an up fails and names it, and nothing is lost", async () => {
    declare(map("kept", "1"));
    assert.equal((await seen(up)).result, "succeeded");
    const server = `https://127.0.0.1:${await freePort()}`;
    reach(({ clusters }) => clusters.forEach(({ cluster }) => (cluster.server = server)));
    declare(map("kept", "2") + map("more", "1"));
    const planned = await seen(preview);
    assert.equal(planned.result, "succeeded", planned.shown);
    assert.match(planned.shown, /the cluster at https:\/\/127\.0\.0\.1:\d+ .* is unreachable: ECONNREFUSED/);
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(
      failed.shown,
      /at https:\/\/127\.0\.0\.1:\d+ \(context ".+", kubeconfig .+\) is unreachable: ECONNREFUSED/,
    );
    assert.deepEqual(await recorded(), ["cluster", "faults-dev", "kept"]);
    reach();
    const repaired = await seen(up);
    assert.deepEqual([repaired.result, repaired.changes], ["succeeded", { same: 2, update: 1, create: 1 }]);
    assert.equal(text(await ask("GET", pathOf("configmaps", "kept")), "data", "value"), "2");
  });

  it("forbidden by RBAC: the message names user, verb and resource, and what was allowed is kept", async () => {
    declare(map("first", "1"));
    await seen(up);
    reach(({ users }) => users.forEach(({ user }) => (user["as"] = "intern")));
    declare(map("first", "1") + map("second", "1"));
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(
      failed.shown,
      /second[^]*not allowed: .*User "intern" cannot (patch|create|get) resource "configmaps"/,
    );
    assert.deepEqual(await recorded(), ["cluster", "faults-dev", "first"]);
  });

  it("a name that an object of somebody else has: refused with its owner, and the object is left as it is", async () => {
    await ask("POST", `${pathOf("configmaps").slice(0, -1)}?fieldManager=somebody`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "theirs" },
      data: { value: "untouched" },
    });
    declare(map("theirs", "ours"));
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(
      failed.shown,
      /ConfigMap \S+\/theirs exists already .* \(its field managers: somebody\)\. Choose another/,
    );
    assert.equal(text(await ask("GET", pathOf("configmaps", "theirs")), "data", "value"), "untouched");
    assert.deepEqual(await recorded(), ["cluster", "faults-dev"]);
    await ask("DELETE", pathOf("configmaps", "theirs"));
  });

  it("quota exceeded: the server's words, what fits is kept, and the next up goes on when there is room", async () => {
    const hard = (await namesIn("secrets")).length + 1;
    const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "few" } };
    await ask("POST", pathOf("resourcequotas").slice(0, -1), { ...quota, spec: { hard: { "count/secrets": hard } } });
    // Before the controller has counted, the server refuses everything, or nothing.
    while (text(await ask("GET", pathOf("resourcequotas", "few")), "status", "hard", "count/secrets") === "")
      await new Promise((resolve) => setTimeout(resolve, 50));
    const secrets = ["one", "two"].map(
      (name) =>
        `const ${name} = new core.Secret("${name}", { stringData: { value: "x" } }, { ...options, dependsOn: [${name === "two" ? "one" : ""}] });`,
    );
    declare(secrets.join("\n"));
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(failed.shown, /two[^]*exceeded quota: few, requested: count\/secrets=1, used: count\/secrets=\d+/);
    assert.deepEqual(await recorded(), ["cluster", "faults-dev", "one"]);
    await ask("DELETE", pathOf("resourcequotas", "few"));
    assert.deepEqual((await seen(up)).changes, { same: 3, create: 1 });
  });

  const deployment = (container: string, seconds: number): string => `
    new apps.Deployment("web", { metadata: { name: "web" }, spec: {
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "main", ${container} }] } },
    } }, { ...options, customTimeouts: { create: "${seconds}s", update: "${seconds}s" } });`;

  it("image missing: the error names pod, container and image, and the repaired program goes on from there", async function () {
    const nodes = mapsAt(await ask("GET", "/api/v1/nodes"), "items").length;
    if (nodes === 0) skip(this, "this API server has no nodes, so no pod can run");
    declare(deployment(`image: "localhost/absent:1"`, 15));
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(failed.shown, /0 of 1 replicas/);
    assert.match(failed.shown, /(ErrImagePull|ImagePullBackOff).*localhost\/absent:1/);
    assert.deepEqual(await recorded(), ["cluster", "faults-dev", "web"]);
    declare(deployment(`image: "registry.k8s.io/pause:3.10"`, 90));
    const repaired = await seen(up);
    assert.equal(repaired.result, "succeeded", repaired.shown);
    assert.deepEqual(repaired.changes, { same: 2, update: 1 });
  });

  it("never ready: the error shows the pod's events and the last lines of its log", async function () {
    const system = mapsAt(await ask("GET", "/api/v1/namespaces/kube-system/pods"), "items");
    const images = system.flatMap((pod) => mapsAt(pod, "spec", "containers").map((one) => text(one, "image")));
    const image = images.find((reference) => reference.includes("coredns"));
    if (image === undefined)
      skip(this, "this API server runs no CoreDNS, whose image is the one that has something to say");
    // Without a probe the container would count as ready for the moment that it lives.
    const probe = `readinessProbe: { tcpSocket: { port: 1 } }`;
    declare(deployment(`image: "${image}", args: ["-conf", "/no-such-file"], ${probe}`, 20));
    const failed = await seen(up);
    assert.equal(failed.result, "failed");
    assert.match(failed.shown, /0 of 1 replicas/);
    assert.match(failed.shown, /BackOff|restarting failed container/);
    assert.match(failed.shown, /last log lines of pod \S+, container main:\n[^]*no-such-file/);
  });

  it("deleted behind our back: refresh shows it, and up repairs it", async () => {
    declare(map("stays", "1") + map("vanishes", "1"));
    await seen(up);
    await ask("DELETE", pathOf("configmaps", "vanishes"));
    const found = await seen(refresh, { skipPreview: false });
    assert.equal(found.result, "succeeded");
    assert.match(found.shown, /ConfigMap vanishes .*delete/);
    assert.deepEqual(await recorded(), ["cluster", "faults-dev", "stays"]);
    const repaired = await seen(up);
    assert.deepEqual([repaired.result, repaired.changes], ["succeeded", { same: 3, create: 1 }]);
    assert.ok((await namesIn("configmaps")).includes("vanishes"));
  });
});

import assert from "node:assert/strict";
import { access, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { skip } from "../../cli/testing/skip";
import { run } from "./command";
import { identify, kill } from "./identity";
import { down, hostUnfit, loadImages, node, status, up } from "./index";
import { lines, sharedCluster, type SharedCluster } from "./testing";
import { kubectlOf, type Kubectl } from "./testing-pods";
import { until } from "./until";
import { detachVolumes, noDisks } from "./volumes";

const namespace = "volumes-test";
const image = "docker.io/library/debian:bookworm-slim";
const mebibyte = 2 ** 20;

const claim = (name: string, storage: string) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
});

/** A pod as the platform's own are: not root, and the volume is its group's. */
const pod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace },
  spec: {
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsUser: 999, runAsGroup: 999, fsGroup: 999, fsGroupChangePolicy: "OnRootMismatch" },
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "Never",
        command: ["sleep", "infinity"],
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }],
  },
});

/** Loop devices by the file behind each. */
async function attached(directory: string): Promise<string[]> {
  const devices = (await readdir("/sys/block")).filter((name) => name.startsWith("loop"));
  const files = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "")),
  );
  return files.map((file) => file.trim()).filter((file) => file.startsWith(`${directory}/`));
}

describe("a volume of the embedded cluster", function () {
  this.timeout(600_000);
  let cluster: SharedCluster;
  let kubectl: Kubectl;
  let home = "";
  let directory = "";
  /** Of the first volume. */
  let file = "";
  const shell = (script: string) => kubectl(["-n", namespace, "exec", "small", "--", "sh", "-c", script]);
  const start = async (name: string) => {
    await kubectl(["apply", "-f", "-"], pod(name));
    await kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=180s"]);
  };
  const sum = () => shell("md5sum < /data/kept");
  const whole = () => until("the cluster is whole", 240, async () => (await status(cluster.name)).state === "up");

  before(async function () {
    const unfit = hostUnfit() ?? (await noDisks());
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    directory = (await status(cluster.name)).directory ?? "";
    await loadImages(cluster.name, [image], lines);
    await kubectl(["create", "namespace", namespace]);
    await until("the namespace has its account", 60, () => kubectl(["-n", namespace, "get", "sa", "default"]));
    await kubectl(["apply", "-f", "-"], claim("small", "64Mi"));
    await start("small");
    home = await kubectl(["-n", namespace, "get", "pod", "small", "-o", "jsonpath={.spec.nodeName}"]);
    const volume = await kubectl(["-n", namespace, "get", "pvc", "small", "-o", "jsonpath={.spec.volumeName}"]);
    file = join(directory, "nodes", home, "volumes", `${volume}.img`);
  });
  after(async () => {
    if (cluster) await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s"]);
  });

  it("is full when its size is written, and not long before", async () => {
    const writing = shell("dd if=/dev/urandom of=/data/fill bs=1M count=100");
    await assert.rejects(writing, /No space left on device/);
    const bytes = Number(await shell("stat -c %s /data/fill"));
    assert.ok(bytes > 50 * mebibyte && bytes <= 64 * mebibyte, `${bytes} bytes were written`);
  });

  it("takes no more of the machine than its data", async () => {
    const taken = async () => (await stat(file)).blocks * 512;
    await until("what was written is on the machine's disk", 30, async () => (await taken()) > 40 * mebibyte);
    await shell("rm /data/fill; sync");
    await until("what was deleted is free again", 30, async () => (await taken()) < 20 * mebibyte);
  });

  it("keeps its data over the life of its pod", async () => {
    const before = await shell("head -c 5000000 /dev/urandom > /data/kept; sync; md5sum < /data/kept");
    await kubectl(["-n", namespace, "delete", "pod", "small"]);
    await start("small");
    assert.equal(await sum(), before);
  });

  it("keeps its data over a power loss of its node", async () => {
    const before = await sum();
    await node.stop(cluster.name, home, lines);
    await node.start(cluster.name, home, lines);
    await whole();
    assert.equal(await until("the pod runs again", 120, sum), before);
  });

  it("has its device again after a reboot, which takes devices and links away", async () => {
    const before = await sum();
    const state = await status(cluster.name);
    const etcd = state.controlPlane.programs.find(({ name }) => name === "etcd")?.pid;
    const keeper = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${etcd}/status`, "utf8"))?.[1];
    for (const pid of [Number(keeper), ...state.nodes.flatMap(({ pid }) => pid ?? [])]) await kill(await identify(pid));
    await detachVolumes(directory, `/dev/ballast.${cluster.name}`);
    await up({ name: cluster.name }, lines);
    await whole();
    assert.equal(await until("the pod runs again", 180, sum), before);
  });

  it("may be as small as a mebibyte", async () => {
    await kubectl(["apply", "-f", "-"], claim("tiny", "1Mi"));
    await start("tiny");
    await kubectl(["-n", namespace, "exec", "tiny", "--", "sh", "-c", "echo kept > /data/file; cat /data/file"]);
  });

  it("is gone with its claim, the device too", async () => {
    await kubectl(["-n", namespace, "delete", "pod/tiny", "pvc/tiny", "pod/small", "pvc/small", "--timeout=120s"]);
    await until("no device is left", 60, async () => !(await attached(directory)).includes(file));
    await until("no file is left", 60, () =>
      access(file).then(
        () => false,
        () => true,
      ),
    );
    await until("no object is left", 60, async () => !(await kubectl(["get", "pv"])).includes(`${namespace}/`));
  });

  it("leaves no device when its cluster is taken down", async () => {
    const name = `${cluster.name}-disks`;
    await down({ name, purge: true }, lines);
    const { kubeconfig } = await up({ name, nodes: 1 }, lines);
    try {
      await loadImages(name, [image], lines);
      const other = kubectlOf({ ...cluster, kubeconfig });
      await other(["create", "namespace", namespace]);
      await until("the namespace has its account", 60, () => other(["-n", namespace, "get", "sa", "default"]));
      await other(["apply", "-f", "-"], claim("small", "64Mi"));
      await other(["apply", "-f", "-"], pod("small"));
      await other(["-n", namespace, "wait", "--for=condition=Ready", "pod/small", "--timeout=180s"]);
      const { directory: place = "" } = await status(name);
      assert.equal((await attached(place)).length, 1);
      await down({ name }, lines);
      assert.deepEqual(await attached(place), []);
      assert.ok(!(await readdir("/dev")).includes(`ballast.${name}`));
    } finally {
      await down({ name, purge: true }, lines);
    }
    assert.equal((await run("losetup", ["--list", "--noheadings"])).stdout.includes(`/${name}/`), false);
  });
});

import assert from "node:assert/strict";
import { skip } from "../../cli/testing/skip";
import { hostUnfit, loadImages, noDisks } from "../../local/cluster";
import { lines, sharedCluster } from "../../local/cluster/testing";
import { kubectlOf, type Kubectl } from "../../local/cluster/testing-pods";
import { until } from "../../local/cluster/until";
import type { FaultOf } from "../experiment/schema";
import type { Ground } from "../ground";
import { groundOn } from "../testing/ground";
import { diskFill, kibibytes } from "./disk";
import type { UndoRecord } from "./fault";

const namespace = "disk-fill-test";
const image = "docker.io/library/debian:bookworm-slim";

const claim = (name: string, rest: object = {}) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "64Mi" } }, ...rest },
});

/** Within the restricted standard, as the platform's pods are. It cannot start without a little room on its volume. */
const pod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace, labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 0,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 999,
      fsGroup: 999,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "Never",
        command: ["sh", "-c", "head -c 4000000 /dev/zero > /data/start && exec sleep infinity"],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        volumeMounts: [
          { name: "data", mountPath: "/data" },
          { name: "scratch", mountPath: "/scratch" },
        ],
      },
    ],
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: name } },
      { name: "scratch", emptyDir: {} },
    ],
  },
});

const fault = (app: string, rest: Partial<FaultOf<"disk-fill">> = {}): FaultOf<"disk-fill"> => ({
  kind: "disk-fill",
  target: { namespace, labels: { app }, pick: 1 },
  container: "main",
  path: "/data",
  leaveMegabytes: 2,
  ...rest,
});

describe("capacity of a claim", () => {
  it("is read as the API server writes it", () => {
    assert.equal(kibibytes("64Mi"), 65_536);
    assert.equal(kibibytes("5Gi"), 5_242_880);
    assert.equal(kibibytes("1024"), 1);
    assert.equal(kibibytes("1.5G"), 1_464_843.75);
    assert.throws(() => kibibytes("much"), /capacity of a claim is "much"/);
  });
});

describe("the fault disk-fill", function () {
  this.timeout(300_000);
  let kubectl: Kubectl;
  let ground: Ground;
  const said: string[] = [];
  const shell = (name: string, script: string) => kubectl(["-n", namespace, "exec", name, "--", "sh", "-c", script]);
  const ready = (name: string) =>
    kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=180s"]);
  const start = async (name: string, rest: object = {}) => {
    await kubectl(["apply", "-f", "-"], claim(name, rest));
    await kubectl(["apply", "-f", "-"], pod(name));
    await ready(name);
  };
  const strike = async (app: string): Promise<{ record: UndoRecord; proof: string }> => {
    const victims = await diskFill.choose(fault(app), ground, () => 0);
    const record = await diskFill.undoRecord(fault(app), victims, ground);
    assert.ok(record);
    const proof = await diskFill.inject(fault(app), victims, ground, record);
    // As another process reads it from the cluster.
    return { record: JSON.parse(JSON.stringify(record)) as UndoRecord, proof: await proof() };
  };
  /** Puts another pod of that name in the place of the one that runs. */
  const replace = async (name: string) => {
    await kubectl(["-n", namespace, "delete", "pod", name]);
    await kubectl(["apply", "-f", "-"], pod(name));
  };

  before(async function () {
    const unfit = hostUnfit() ?? (await noDisks());
    if (unfit) skip(this, unfit);
    const cluster = await sharedCluster();
    kubectl = kubectlOf(cluster);
    ground = { ...groundOn(cluster, [namespace]), say: (line) => void said.push(line) };
    await loadImages(cluster.name, [image], lines);
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await kubectl(["apply", "-f", "-"], {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace, labels },
    });
    await until("the namespace has its account", 60, () => kubectl(["-n", namespace, "get", "sa", "default"]));
    await start("full");
  });
  after(async () => {
    if (!ground) return;
    await kubectl(["delete", "namespace", namespace, "--timeout=120s"]);
    await kubectl(["delete", "pv", namespace, "--ignore-not-found"]);
  });

  it("fills a volume, proves it by what df says, and gives all of it back", async () => {
    await shell("full", "echo kept > /data/kept");
    const { record, proof } = await strike("full");
    assert.match(proof, /^\/data of pod full: [45]\d of 5\d MiB free before, [0-3] of 5\d MiB free now$/);
    await assert.rejects(shell("full", "head -c 8000000 /dev/zero > /data/more"), /No space left on device/);
    await shell("full", "rm -f /data/more");
    assert.match(await diskFill.undo(record, ground), /is gone from pod full: [45]\d of 5\d MiB free$/);
    assert.equal(await shell("full", "ls -A /data | grep -v lost; cat /data/kept"), "kept\nstart\nkept");
    assert.match(await diskFill.undo(record, ground), /is gone from pod full/, "it may be undone twice");
  });

  it("is undone in the pod that has taken the victim's place", async () => {
    const { record } = await strike("full");
    await shell("full", "rm /data/start");
    const { metadata } = await ground.core.readNamespacedPod({ namespace, name: "full" });
    await replace("full");
    await until("another pod is there", 60, async () => {
      const now = await ground.core.readNamespacedPod({ namespace, name: "full" });
      return now.metadata?.uid !== metadata?.uid;
    });
    await ready("full");
    assert.match(await diskFill.undo(record, ground), /is gone from pod full: [45]\d of 5\d MiB free$/);
  });

  it("is undone though no container can start on the full volume, which then starts by itself", async () => {
    const { record } = await strike("full");
    await shell(
      "full",
      "dd if=/dev/zero of=/data/rest bs=4k 2>/dev/null; rm /data/start; dd if=/dev/zero of=/data/rest2 bs=4k 2>/dev/null; true",
    );
    await replace("full");
    await until("the container is in its back-off", 90, async () =>
      (await kubectl(["-n", namespace, "get", "pod", "full"])).includes("CrashLoopBackOff"),
    );
    assert.match(await diskFill.undo(record, ground), /is gone from the volume of claim full: \d+ of 5\d MiB free$/);
    await ready("full");
    const pods = await kubectl(["-n", namespace, "get", "pods", "-o", "name"]);
    assert.equal(pods, "pod/full", "what removed the file is gone");
  });

  it("is undone though no pod has the volume", async () => {
    await shell("full", "rm -f /data/rest*");
    const { record } = await strike("full");
    await kubectl(["-n", namespace, "delete", "pod", "full"]);
    assert.match(await diskFill.undo(record, ground), /is gone from the volume of claim full: [45]\d of 5\d MiB free$/);
    await kubectl(["apply", "-f", "-"], pod("full"));
    await ready("full");
  });

  it("ends well when the volume is gone, also when another has its name", async () => {
    await start("passing");
    const { record } = await strike("passing");
    await kubectl(["-n", namespace, "delete", "pod/passing", "pvc/passing"]);
    assert.match(await diskFill.undo(record, ground), /claim passing is gone, and its volume with it/);
    await start("passing");
    assert.match(await diskFill.undo(record, ground), /claim passing is gone, and its volume with it/);
  });

  it("refuses what is not a volume of its own, and touches nothing", async () => {
    const choose = (app: string, rest: Partial<FaultOf<"disk-fill">> = {}) =>
      diskFill.choose(fault(app, rest), ground, () => 0);
    await assert.rejects(choose("full", { path: "/scratch" }), /\/scratch in container main .* would fill the node/);
    await assert.rejects(choose("full", { path: "/" }), /\/ in container main .* would fill the node/);
    await assert.rejects(choose("full", { path: "/database" }), /is not the volume of a claim/);
    await assert.rejects(choose("full", { container: "other" }), /has no container other; it has main/);
    await assert.rejects(choose("nobody"), /no pod runs in disk-fill-test with app=nobody/);
    await kubectl(["apply", "-f", "-"], {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: namespace },
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { storage: "64Mi" },
        storageClassName: "",
        persistentVolumeReclaimPolicy: "Retain",
        // Below the cluster's own folder, which goes with it.
        hostPath: { path: "/var/lib/ballast/volumes/disk-fill-test", type: "DirectoryOrCreate" },
      },
    });
    await kubectl(["apply", "-f", "-"], claim("shared", { storageClassName: "", volumeName: namespace }));
    const shared = pod("shared");
    await kubectl(["apply", "-f", "-"], {
      ...shared,
      spec: {
        ...shared.spec,
        containers: shared.spec.containers.map((each) => ({ ...each, command: ["sleep", "1d"] })),
      },
    });
    await ready("shared");
    await assert.rejects(
      choose("shared"),
      /\/data of pod disk-fill-test\/shared is on a file system of \d+ MiB, and its claim shared is of 64 MiB.*would fill the node/,
    );
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { skip } from "../../cli/testing/skip";
import { run } from "../../local/cluster/command";
import { hostUnfit } from "../../local/cluster/index";
import { sharedCluster, type SharedCluster } from "../../local/cluster/testing";
import { until } from "../../local/cluster/until";
import type { Ground } from "../ground";
import { groundOn } from "../testing/ground";
import { strike } from "../testing/strike";
import { apiServerDown } from "./controlPlane";

describe("faults of the control plane", function () {
  this.timeout(300_000);
  let cluster: SharedCluster;
  let ground: Ground;

  before(async function () {
    this.timeout(900_000);
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    ground = groundOn(cluster, []);
  });

  const answers = () =>
    run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, "--request-timeout=2s", "get", "--raw=/livez"]).then(
      ({ stdout }) => stdout === "ok",
      () => false,
    );

  it("hold the API server still until they are undone, also from elsewhere and again", async () => {
    assert.equal(await answers(), true);
    const { proof, undo } = await strike(apiServerDown, {}, ground);
    try {
      assert.equal(proof, "the API server does not answer");
      assert.equal(await answers(), false);
    } finally {
      assert.equal(await undo(groundOn(cluster, [])), "the API server answers");
    }
    assert.equal(await answers(), true);
    assert.equal(await undo(), "the API server answers");
  });

  it("end by themselves when whoever made them is killed", async () => {
    const script = `const { node } = require("./local/cluster/index.ts");
      node.pauseApiServer(process.argv[1], 3).then(() => { console.log("paused"); setInterval(() => {}, 1000) });`;
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", script, cluster.name], {
      cwd: join(__dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    const ended = once(child, "exit");
    try {
      await once(child.stdout, "data");
      process.kill(-Number(child.pid), "SIGKILL");
      assert.deepEqual(await ended, [null, "SIGKILL"]);
      assert.equal(await answers(), false);
      await until("the API server answers", 30, answers);
    } finally {
      await ground.nodes?.resumeApiServer();
    }
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../../cli/testing/skip";
import { findProgram } from "../cluster/packages";
import { silent } from "../progress";
import { BuildahBuilder } from "./builder";
import { loadCatalogue } from "./catalogue";
import { Registries } from "./registry";
import { Images } from "./resolve";
import { Store } from "./store";
import { readMember } from "./tar";

const reference = "registry.k8s.io/pause:3.10";

describe("the smallest stand-in, built for real", function () {
  this.timeout(300_000);
  let root: string;
  let archive: string;

  before(async function () {
    if (process.getuid?.() !== 0) skip(this, "images are assembled as root");
    // Not installed here: a unit test changes nothing on the machine.
    if (!(await findProgram("buildah"))) skip(this, "buildah is not installed");
    root = mkdtempSync(join(tmpdir(), "ballast-pause-"));
    const images = new Images({
      catalogue: loadCatalogue(),
      store: new Store(root),
      registries: new Registries(async () => false),
      builder: new BuildahBuilder(root),
    });
    archive = await images.archive(reference, silent);
  });
  after(() => {
    if (root) rmSync(root, { recursive: true, force: true });
  });

  it("is an archive of exactly the reference", async () => {
    const [image] = JSON.parse((await readMember(archive, "manifest.json")) ?? "[]") as {
      Config: string;
      RepoTags: string[];
    }[];
    assert.deepEqual(image?.RepoTags, [reference]);
    const { config } = JSON.parse((await readMember(archive, image?.Config ?? "")) ?? "{}") as { config: object };
    assert.deepEqual(
      Object.entries(config).filter(([key]) => ["User", "Entrypoint"].includes(key)),
      [
        ["User", "65535:65535"],
        ["Entrypoint", ["/pause"]],
      ],
    );
  });

  it("leaves no mount and no work behind", async () => {
    assert.equal(readFileSync("/proc/self/mounts", "utf8").includes(root), false);
    assert.equal(execFileSync("ls", [join(root, "tmp")], { encoding: "utf8" }).includes("build-"), false);
  });

  it("can be provided to another machine as it is", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "ballast-provided-"));
    try {
      execFileSync("cp", [archive, join(elsewhere, "registry.k8s.io_pause_3.10.tar")]);
      const images = new Images({
        catalogue: loadCatalogue(),
        store: new Store(join(root, "other")),
        registries: new Registries(async () => false),
        builder: new BuildahBuilder(join(root, "other")),
        imagesDirectory: elsewhere,
      });
      const path = await images.archive(reference, silent);
      assert.match((await readMember(path, "manifest.json")) ?? "", /registry\.k8s\.io\/pause:3\.10/);
      await new BuildahBuilder(join(root, "other")).prune(true, silent);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});

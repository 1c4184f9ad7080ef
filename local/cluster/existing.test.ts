import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { existingCluster } from "./existing";
import { hostUnfit } from "./host";

const content = `apiVersion: v1
kind: Config
current-context: one
contexts: [{name: one, context: {}}, {name: two, context: {}}]
users: [{name: a, user: {token: s3cret}}]
`;

describe("an existing cluster", () => {
  let directory: string;
  let path: string;
  const cache = process.env.XDG_CACHE_HOME;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "existing-"));
    process.env.XDG_CACHE_HOME = join(directory, "cache");
    path = join(directory, "kubeconfig");
    await writeFile(path, content);
  });
  after(async () => {
    if (cache === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cache;
    await rm(directory, { recursive: true });
  });

  it("is the kubeconfig as it is for its current context", async () => {
    assert.deepEqual(await existingCluster(path), { name: "one", kubeconfig: path });
    assert.deepEqual(await existingCluster(path, "one"), { name: "one", kubeconfig: path });
  });

  it("is a private copy for another context", async () => {
    const cluster = await existingCluster(path, "two");
    assert.equal(cluster.name, "two");
    const copy = parse(await readFile(cluster.kubeconfig, "utf8")) as Record<string, unknown>;
    assert.equal(copy["current-context"], "two");
    assert.equal((await stat(cluster.kubeconfig)).mode & 0o777, 0o600);
    assert.equal(await readFile(path, "utf8"), content);
  });

  it("names the contexts that there are when one is not", async () => {
    await assert.rejects(existingCluster(path, "three"), /no context "three"; its contexts: one, two/);
  });

  it("says which file is missing or no kubeconfig, and quotes none of it", async () => {
    await assert.rejects(existingCluster(join(directory, "none")), /--kubeconfig .*none cannot be read/);
    const broken = join(directory, "broken");
    for (const text of ["", "token: s3cret", "a: [s3cret"]) {
      await writeFile(broken, text);
      await assert.rejects(existingCluster(broken), (error: Error) => {
        assert.match(error.message, /broken is not a kubeconfig/);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
    }
  });
});

describe("the machine", () => {
  it("must be Linux with root, else the sentence names what to use", () => {
    assert.equal(hostUnfit("linux", 0), undefined);
    assert.match(
      hostUnfit("darwin", 501) ?? "",
      /needs Linux, and this is darwin; use a cluster .* --kubeconfig .* kind/,
    );
    assert.match(hostUnfit("linux", 1000) ?? "", /needs root .* --kubeconfig .* kind/);
  });
});

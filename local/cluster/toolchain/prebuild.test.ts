import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programs } from "./programs.json";

/** Stands for go: it notes what it is asked to build, and fails for the package that the file `fail` names. */
const fakeGo = `#!/bin/sh
cd "$FAKE_GO" || exit 1
case "$1" in
  env) cat version ;;
  list) echo some/package ;;
  build)
    for word; do last=$word; [ "$previous" = -o ] && output=$word; previous=$word; done
    if [ "$last" = "$(cat fail)" ]; then echo "$last: undefined: nonsense" >&2; exit 1; fi
    echo "$last" >> builds
    echo "$last" > "$output" ;;
esac
`;

describe("the toolchain's build", function () {
  this.timeout(120_000);
  let directory: string;
  before(async function () {
    if (process.platform !== "linux") this.skip();
    directory = await mkdtemp(join(tmpdir(), "prebuild-"));
    await mkdir(join(directory, "bin"));
    await writeFile(join(directory, "bin", "go"), fakeGo);
    await chmod(join(directory, "bin", "go"), 0o755);
    await writeFile(join(directory, "version"), "go1.26.0 linux amd64");
    await writeFile(join(directory, "fail"), "");
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function prebuild(path = `${join(directory, "bin")}:${process.env["PATH"]}`) {
    const child = spawn(process.execPath, [join(__dirname, "prebuild.mjs")], {
      env: { ...process.env, PATH: path, XDG_CACHE_HOME: join(directory, "cache"), FAKE_GO: directory },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code] = (await once(child, "close")) as [number];
    return { code, said };
  }
  const builds = async () =>
    (await readFile(join(directory, "builds"), "utf8").catch(() => "")).split("\n").filter(Boolean);
  const packages = programs.map((program) => program.package);

  it("says what fails, keeps what is built, and goes on from there", async () => {
    await writeFile(join(directory, "fail"), "./kube");
    const { code, said } = await prebuild();
    assert.equal(code, 1);
    assert.match(said, /\.\/kube: undefined: nonsense/);
    assert.deepEqual(await builds(), packages.slice(0, packages.indexOf("./kube")));
    await writeFile(join(directory, "fail"), "");
    assert.deepEqual(await prebuild(), { code: 0, said: "" });
    assert.deepEqual(await builds(), packages);
  });

  it("puts all programs and their links into one folder, and nothing half-done", async () => {
    const toolchain = join(directory, "cache", "ballast", "toolchain");
    const [hash = ""] = (await readdir(toolchain)).filter((name) => name !== "lock");
    const wanted = programs.flatMap(({ name, links }) => [name, ...(links ?? [])]);
    assert.deepEqual((await readdir(join(toolchain, hash))).sort(), wanted.sort());
    assert.equal(await realpath(join(toolchain, hash, "kubectl")), await realpath(join(toolchain, hash, "kube")));
  });

  it("builds nothing again, also not for two at once", async () => {
    await rm(join(directory, "cache"), { recursive: true });
    await rm(join(directory, "builds"));
    assert.deepEqual(await Promise.all([prebuild(), prebuild()]), [
      { code: 0, said: "" },
      { code: 0, said: "" },
    ]);
    await prebuild();
    assert.deepEqual(await builds(), packages);
  });

  it("builds apart for another compiler", async () => {
    await writeFile(join(directory, "version"), "go1.27.0 linux amd64");
    await prebuild();
    assert.deepEqual(await builds(), [...packages, ...packages]);
  });

  it("says that Go is missing where it is", async () => {
    const tools = join(directory, "tools");
    await mkdir(tools);
    const { code, said } = await prebuild(tools);
    assert.equal(code, 1);
    assert.match(said, /go is not on PATH: install Go 1\.26 or later/);
  });
});

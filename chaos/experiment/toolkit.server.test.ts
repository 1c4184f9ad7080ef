import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PythonTool } from "../../cli/testing/pythonTool";
import { skip } from "../../cli/testing/skip";
import { experiments } from "../experiments";
import { toToolkit } from "./toolkit";

const run = promisify(execFile);

const toolkit = new PythonTool("chaostoolkit", "1.19.0", "chaos");

describe("an exported experiment", function () {
  this.timeout(300_000);
  let folder: string;

  before(async function () {
    const reason = await toolkit.missing();
    if (reason) skip(this, reason);
    folder = await mkdtemp(join(tmpdir(), "ballast-toolkit-"));
    // The toolkit looks whether the program that it would run is there.
    await writeFile(join(folder, "ballast"), "#!/bin/sh\n", { mode: 0o755 });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const validate = async (experiment: object): Promise<string> => {
    const file = join(folder, "experiment.json");
    await writeFile(file, JSON.stringify(experiment));
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, HOME: folder };
    const { stdout, stderr } = await run(toolkit.program, ["--no-version-check", "validate", file], {
      cwd: folder,
      env,
    });
    return stdout + stderr;
  };

  it("is one that the Chaos Toolkit itself accepts, each of them", async () => {
    for (const experiment of experiments)
      assert.match(await validate(toToolkit(experiment, "local")), /looks valid/, experiment.name);
  });

  it("would be refused if it lacked what the toolkit asks for", async () => {
    const [first] = experiments;
    assert.ok(first);
    const { method, ...rest } = toToolkit(first, "local") as { method: object[] };
    const nameless = method.map((activity) => ({ ...activity, provider: undefined }));
    await assert.rejects(validate({ ...rest, method: nameless }));
  });
});

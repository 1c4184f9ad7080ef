import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { PythonTool } from "../../../cli/testing/pythonTool";
import { skip } from "../../../cli/testing/skip";
import { TestApi } from "./testing/api";

const run = promisify(execFile);

const schemathesis = new PythonTool("schemathesis", "4.32.5", "st");
/** Of its whole run, in seconds. */
const seconds = 60;

describe("taskdb: the API, fuzzed from its OpenAPI document", function () {
  this.timeout(300_000);
  let api: TestApi;

  before(async function () {
    const reason = await schemathesis.missing();
    if (reason) skip(this, reason);
    api = await TestApi.open();
  });
  after(() => api?.close());

  it("never fails, and answers as the document says", async () => {
    const url = await api.app.listen({ host: "127.0.0.1", port: 0 });
    const options = {
      phases: "coverage,fuzzing",
      "max-examples": 20,
      "max-time": seconds,
      seed: 1,
      // With more, CPython 3.11 runs into its own recursion limit.
      workers: 1,
      "suppress-health-check": "all",
      warnings: "off",
      // A schema cannot say U+0000, nor that a cursor, an ETag and a key come from an earlier answer.
      "exclude-checks": "positive_data_acceptance",
      "report-dir": join(schemathesis.folder, "report"),
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const { stdout } = await run(
      schemathesis.program,
      [
        "--config-file",
        join(__dirname, "schemathesis.toml"),
        "run",
        `${url}/openapi.json`,
        "--continue-on-failure",
        ...args,
      ],
      {
        cwd: schemathesis.folder,
        maxBuffer: 1 << 28,
      },
    ).catch((error: Error & { stdout?: string }) => {
      throw new Error(`schemathesis found:\n${(error.stdout ?? error.message).slice(-6000)}`);
    });
    assert.match(stdout, /\d{3,} generated/);
    assert.equal((await api.send("GET", "/livez")).status, 200);
  });
});

import * as engine from "../local/engine";
import { stack } from "./program";

/**
 * One operation of the engine in a process of its own, so that a benchmark can time all of it. Prints one line of JSON.
 * `operation.mjs up|preview|offline FOLDER [skip-preview]`
 */
async function main(): Promise<void> {
  const [operation = "", projectDir = "", skip] = process.argv.slice(2);
  const options = { projectDir, stack, passphrase: async () => "bench" };
  const done =
    operation === "up"
      ? await engine.up({ ...options, skipPreview: skip === "skip-preview" })
      : await engine.preview({ ...options, offline: operation === "offline" });
  const errors = done.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
  if (done.result !== "succeeded") throw new Error(errors.join("\n") || done.result);
  // Kibibytes, on Linux.
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(`${JSON.stringify({ changes: done.changes, peakMiB })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { StepFailure } from "../failure";

/**
 * The SDK's own runner of programs, found from the program's folder.
 * @throws {StepFailure} when the SDK is not installed
 */
export function findRunner(programFolder: string): string {
  try {
    return createRequire(path.join(programFolder, "index.js")).resolve("@pulumi/pulumi/cmd/run");
  } catch {
    throw new StepFailure(
      `@pulumi/pulumi is not installed for the program in ${programFolder}; run 'npm install' there`,
    );
  }
}

/**
 * What Node is given so that the SDK's runner starts sooner with what is in `folder`. Nothing for ES modules, whose loader is left to the SDK, nor
 * with BALLAST_PRELOAD=off.
 */
export function preloadArguments(folder: string): string[] {
  if (process.env["BALLAST_PRELOAD"] === "off" || isEsModule(folder)) return [];
  return ["--import", pathToFileURL(path.join(__dirname, "preload.mjs")).href];
}

/**
 * What Node is given so that a process ends with us, however we end: our end of its standard input, a pipe, then closes. Listening alone does not keep
 * it running.
 */
export const orphanGuard: readonly string[] = [
  "--import",
  `data:text/javascript,process.stdin.on("end",()=>process.exit()).on("error",()=>process.exit()).resume().unref()`,
];

/** Whether the nearest package.json says that the folder's files are ES modules. */
function isEsModule(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    const manifest = path.join(at, "package.json");
    if (existsSync(manifest)) {
      const content = JSON.parse(readFileSync(manifest, "utf8")) as { type?: string };
      return content.type === "module";
    }
    if (at === path.dirname(at)) return false;
  }
}

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
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

/** Whether the nearest package.json says that the folder's files are ES modules. */
export function isEsModule(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    const manifest = path.join(at, "package.json");
    if (existsSync(manifest)) {
      const content = JSON.parse(readFileSync(manifest, "utf8")) as { type?: string };
      return content.type === "module";
    }
    if (at === path.dirname(at)) return false;
  }
}

import { existsSync, statSync } from "node:fs";
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
    throw new StepFailure(`@pulumi/pulumi is not installed for the program in ${programFolder}; run 'npm install' there`);
  }
}

/** The folder that the program runs in, and what the runner is asked to run there. */
export function locateProgram(projectFolder: string, main: string | undefined): { folder: string; entry: string } {
  const target = path.resolve(projectFolder, main ?? ".");
  if (!existsSync(target)) {
    throw new StepFailure(
      `the program ${target} does not exist; set 'main' in ${path.join(projectFolder, "Pulumi.yaml")}`,
    );
  }
  return statSync(target).isDirectory()
    ? { folder: target, entry: "." }
    : { folder: path.dirname(target), entry: path.basename(target) };
}

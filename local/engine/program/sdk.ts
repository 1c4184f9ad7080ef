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

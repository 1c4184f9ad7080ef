import * as pulumi from "@pulumi/pulumi";
import type { Declared } from "./declared";
import { mockEngine } from "./declared";

/** Waits until all that was begun to be declared is. */
export async function settled(declared: readonly Declared[]): Promise<readonly Declared[]> {
  await pulumi.runtime.disconnect();
  return declared;
}

/** Everything that the program declares for a stack, and its outputs. */
export async function declaredByProgram(
  stack: string,
): Promise<{ readonly declared: readonly Declared[]; readonly outputs: typeof import("../index.js") }> {
  const declared = mockEngine(stack);
  // The program runs as it is loaded, so it is loaded anew for each stack.
  delete require.cache[require.resolve("../index.ts")];
  const outputs = await import("../index.js");
  return { declared: await settled(declared), outputs };
}

import type { Declared } from "./declared";
import { mockEngine } from "./declared";

/** With mocks all happens within this process, without waiting for anything else: so many turns without a resource mean the end. */
const quietTurns = 50;

/** Waits until nothing more is declared, and returns what was. */
export async function settled(declared: readonly Declared[]): Promise<readonly Declared[]> {
  for (let quiet = 0, seen = -1; quiet < quietTurns; quiet = declared.length === seen ? quiet + 1 : 0) {
    seen = declared.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return declared;
}

type Program = typeof import("../index.js");

/** Everything that the program declares for a stack, and its outputs. */
export async function declaredByProgram(
  stack: string,
): Promise<{ readonly declared: readonly Declared[]; readonly outputs: Program }> {
  const declared = mockEngine(stack);
  // The program runs as it is loaded, so it is loaded anew for each stack.
  delete require.cache[require.resolve("../index")];
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- what `import` has loaded once it never loads again
  const outputs = require("../index") as Program;
  return { declared: await settled(declared), outputs };
}

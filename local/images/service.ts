import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { Input } from "./inputs";

/** A service of this repository as one file; its key is the file's own digest, so whatever changes in it makes another image. */
export function serviceProgram(name: string): Input {
  let bundled: Promise<Uint8Array> | undefined;
  // Loaded only here: esbuild is of no use to those who have the image.
  const contents = () =>
    (bundled ??= import("../../services/bundle.mjs").then(async ({ bundle }) => (await bundle(name)).contents));
  return {
    file: `${name}.cjs`,
    key: async () =>
      createHash("sha256")
        .update(await contents())
        .digest("hex"),
    make: async (target) => writeFile(target, await contents()),
  };
}

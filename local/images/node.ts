import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../cluster/command";
import type { Input } from "./inputs";
import release from "./stand-ins/node/release.json";

type Packages = Readonly<Record<string, { readonly package: string; readonly integrity: string } | undefined>>;

/** Node.js as npm has it for this processor; taken by npm itself, and used only if it is byte for byte the release that is named. */
export const nodeProgram: Input = {
  file: "node",
  key: async () => createHash("sha256").update(JSON.stringify(release)).digest("hex"),
  make: async (target, _progress, task) => {
    const chosen = (release.packages as Packages)[process.arch];
    if (!chosen) {
      const known = Object.keys(release.packages).join(", ");
      throw new Error(
        `local/images/stand-ins/node/release.json names no package for ${process.arch} (only ${known}); add one, or give the image with --images-dir`,
      );
    }
    const wanted = `${chosen.package}@${release.version}`;
    const folder = await mkdtemp(join(dirname(target), "node-"));
    try {
      task.detail(`npm pack ${wanted}`);
      const { stdout } = await run("npm", [
        "pack",
        "--silent",
        "--ignore-scripts",
        "--pack-destination",
        folder,
        wanted,
      ]);
      const archive = join(folder, stdout.trim().split("\n").at(-1) ?? "");
      const digest = createHash("sha512")
        .update(await readFile(archive))
        .digest("base64");
      if (`sha512-${digest}` !== chosen.integrity) {
        throw new Error(
          `${wanted} is sha512-${digest}, not the ${chosen.integrity} of local/images/stand-ins/node/release.json; it is not used`,
        );
      }
      await run("tar", ["--extract", "--file", archive, "--directory", folder, "package/bin/node"]);
      await copyFile(join(folder, "package", "bin", "node"), target);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

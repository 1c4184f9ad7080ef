import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { k6Program } from "../../loadtests/k6/binary";
import { builtProgram } from "../goProgram";
import type { Input } from "./inputs";

/** k6 as load from this machine is sent by it, too. */
export const k6Binary: Input = {
  file: "k6",
  key: async () => {
    const pins = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(k6Program.source, file), "utf8")));
    return createHash("sha256").update(pins.join("\0")).digest("hex");
  },
  make: async (target, progress, task) => {
    task.detail("waiting for k6");
    await copyFile(await builtProgram(k6Program, progress), target);
  },
};

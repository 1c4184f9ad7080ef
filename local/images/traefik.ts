import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureToolchain } from "../cluster/toolchain/build";
import { compile, go } from "../go";
import type { Task } from "../progress";
import type { Input } from "./inputs";
import { folderDigest, inContext } from "./recipe";

const source = join(__dirname, "stand-ins", "traefik");
const traefik = "github.com/traefik/traefik/v3";
/** The ACME client, and the folders of it that are left out, most of all those of a client for each DNS service. */
const acme = "github.com/go-acme/lego/v4";
const leftOut = ["cmd", "docs", "e2e", "providers"];

/**
 * Traefik from its Go module. Its libraries have the versions and flags of the cluster's programs, so that what those compiled is not
 * compiled again; that is why it waits for them.
 */
export const traefikProgram: Input = {
  file: "traefik",
  key: async () =>
    createHash("sha256")
      .update(`${(await flags()).join(" ")}\0${await folderDigest(source, inContext)}`)
      .digest("hex"),
  make: async (target, progress, task) => {
    task.detail("waiting for the toolchain");
    await (await ensureToolchain(progress)).binary("metrics-server");
    const folder = `${target}-module`;
    try {
      await prepareModule(folder, task);
      await compile(`${traefik}/cmd/traefik`, await flags(), folder, target, task);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function flags(): Promise<string[]> {
  const version = await requiredVersion(traefik);
  return ["-trimpath", "-ldflags", `-s -w -X ${traefik}/pkg/version.Version=${version.slice(1)}`];
}

async function requiredVersion(module: string): Promise<string> {
  const text = await readFile(join(source, "go.mod"), "utf8");
  const [, version] = new RegExp(`^\\s*(?:require )?${module} (v\\S+)`, "m").exec(text) ?? [];
  if (version === undefined) throw new Error(`${join(source, "go.mod")} does not require ${module}`);
  return version;
}

/** The module, and beside it what its go.mod takes from there: among it the ACME client, of which the most is left out. */
async function prepareModule(folder: string, task: Task): Promise<void> {
  for (const part of ["go.mod", "go.sum", "ec2", "ssm"])
    await cp(join(source, part), join(folder, part), { recursive: true });
  const wanted = `${acme}@${await requiredVersion(acme)}`;
  task.detail(`go mod download ${wanted}`);
  const answer = await go(["mod", "download", "-json", wanted], folder);
  const { Dir: original } = JSON.parse(answer) as { Dir: string };
  const copy = join(folder, "lego");
  const taken = (path: string) => !leftOut.includes(path.slice(original.length + 1));
  await cp(original, copy, { recursive: true, filter: taken });
  await mkdir(join(copy, "providers", "dns"), { recursive: true });
  await copyFile(join(source, "dns", "none.go"), join(copy, "providers", "dns", "none.go"));
}

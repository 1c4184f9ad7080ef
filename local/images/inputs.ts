import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheRoot } from "../cluster/cache.mjs";
import { run } from "../cluster/command";
import { ensurePackages, findProgram } from "../cluster/packages";
import { ensureToolchain, type ToolchainProgram } from "../cluster/toolchain/build";
import type { Progress, Task } from "../progress";
import { runEnclosed } from "./enclosure";
import { k6Binary } from "./k6";
import { nodeProgram } from "./node";
import { folderDigest } from "./recipe";
import { serviceProgram } from "./service";
import { traefikProgram } from "./traefik";

/** A file that a Containerfile takes and that is made here, not committed. */
export interface Input {
  /** Its name in the build's context. */
  readonly file: string;
  /** Digest of what it is made from; known before it is made. */
  key(): Promise<string>;
  make(target: string, progress: Progress, task: Task): Promise<void>;
}

const suite = "bookworm";
/** As in the upstream image: no manuals, no translations. The rule stays in the image for packages that come later. */
const leftOut = ["doc", "info", "lintian", "locale", "man"].map((name) => `path-exclude=/usr/share/${name}/*`);
const kept = "path-include=/usr/share/doc/*/copyright";
const bootstrap = [
  "--variant=minbase",
  "--mode=root",
  "--quiet",
  ...[...leftOut, kept].map((rule) => `--dpkgopt=${rule}`),
  // The host's own name and resolver are no part of an image.
  '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
  // Nothing starts a service in an image's build.
  '--customize-hook=printf "#!/bin/sh\\nexit 101\\n" >"$1/usr/sbin/policy-rc.d" && chmod 0755 "$1/usr/sbin/policy-rc.d"',
];

const rootfs: Input = {
  file: "rootfs.tar",
  key: async () => digest([suite, ...bootstrap]),
  make: async (target, progress, task) => {
    if (!(await findProgram("mmdebstrap"))) await ensurePackages(["mmdebstrap"], progress);
    task.detail(`mmdebstrap ${suite}`);
    // Its work stands beside the result, where it is cleaned up with the build's folder.
    await runEnclosed("mmdebstrap", [...bootstrap, suite, target], { env: { TMPDIR: dirname(target) } });
  },
};

const pauseSource = join(__dirname, "stand-ins", "pause");
const pauseFlags = ["-trimpath", "-ldflags=-s -w"];

const pause: Input = {
  file: "pause",
  key: async () => digest(pauseFlags),
  make: async (target, _progress, task) => {
    task.detail("go build");
    const source = join(pauseSource, "main.go");
    await run("go", ["build", ...pauseFlags, "-o", target, source], {
      env: { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOCACHE: join(cacheRoot(), "go", "build"), GOFLAGS: "" },
    });
  },
};

/** A program that the cluster's toolchain builds from the module in local/cluster/toolchain. */
function fromToolchain(program: Extract<ToolchainProgram, "coredns" | "metrics-server">): Input {
  const module = join(__dirname, "..", "cluster", "toolchain");
  return {
    file: program,
    key: async () => {
      const shared = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(module, file), "utf8")));
      return digest([...shared, await folderDigest(join(module, program))]);
    },
    make: async (target, progress, task) => {
      task.detail("waiting for the toolchain");
      await copyFile(await (await ensureToolchain(progress)).binary(program), target);
    },
  };
}

/** What each stand-in takes, by the name of its folder; an image of a service takes the service. */
const inputs: Readonly<Record<string, readonly Input[]>> = {
  debian: [rootfs],
  pause: [pause],
  coredns: [fromToolchain("coredns")],
  "metrics-server": [fromToolchain("metrics-server")],
  node: [nodeProgram],
  traefik: [traefikProgram],
};
const services: Readonly<Record<string, readonly Input[]>> = {
  taskdb: [serviceProgram("taskdb")],
};
const others: Readonly<Record<string, readonly Input[]>> = {
  "loadtests/k6/image": [k6Binary],
};

/** Inputs of the Containerfile in `folder` (relative to the repository); none for most. */
export function inputsOf(folder: string): readonly Input[] {
  const [, name = ""] = /^local\/images\/stand-ins\/([a-z0-9-]+)$/.exec(folder) ?? [];
  const [, service = ""] = /^services\/([a-z0-9-]+)\/image$/.exec(folder) ?? [];
  return inputs[name] ?? services[service] ?? others[folder] ?? [];
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex");
}

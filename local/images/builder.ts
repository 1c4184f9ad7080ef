import { constants, existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress, Task } from "../progress";
import { Buildah } from "./buildah";
import type { ImageEntry, ProvidedBinary } from "./catalogue";
import type { Input } from "./inputs";
import type { Provided } from "./provided";
import { inContext } from "./recipe";
import { hostSecrets } from "./secrets";

/** Makes archives of images; what the order of sources (resolve.ts) decides is done here. */
export interface Builder {
  /** Pulls the image and writes its archive to `target`. Gives the image's id, as the others do. */
  pull(entry: ImageEntry, target: string, progress: Progress): Promise<string>;
  /** Builds the Containerfile in `folder`, an absolute path. */
  build(
    entry: ImageEntry,
    folder: string,
    inputs: readonly Input[],
    target: string,
    progress: Progress,
    task: Task,
  ): Promise<string>;
  /** Takes a provided archive, under whatever name its image goes. */
  fromArchive(entry: ImageEntry, provided: Provided, target: string, progress: Progress): Promise<string>;
  /** Puts a provided program onto the base image. */
  fromBinary(
    entry: ImageEntry,
    program: string,
    binary: ProvidedBinary,
    target: string,
    progress: Progress,
  ): Promise<string>;
  /** Makes sure that a base can be built upon: the archive's image stands in the builder's storage under its reference. */
  ensureBase(reference: string, imageId: string, archive: string, progress: Progress): Promise<void>;
}

/** The base of images that are a single program. */
export const programBase = "docker.io/library/debian:bookworm-slim";

/** Where buildah keeps the cache mounts of Containerfiles; all else in the temporary folder is of a build that runs. */
const packageCache = "buildah-cache";

export class BuildahBuilder implements Builder {
  readonly #buildah: Buildah;

  /** @param root folder of the storage and of temporary files */
  constructor(private readonly root: string) {
    this.#buildah = new Buildah(root);
  }

  async pull(entry: ImageEntry, target: string, progress: Progress): Promise<string> {
    return this.#save(await this.#buildah.pull(entry.reference, progress), entry, target, progress);
  }

  build(
    entry: ImageEntry,
    folder: string,
    inputs: readonly Input[],
    target: string,
    progress: Progress,
    task: Task,
  ): Promise<string> {
    return this.#inContext(async (context, secrets) => {
      await cp(folder, context, {
        recursive: true,
        filter: (path) => inContext(path.slice(folder.length + 1)),
      });
      for (const input of inputs) await input.make(join(context, input.file), progress, task);
      task.detail("buildah bud");
      const imageId = await this.#buildah.build({ context, secrets }, progress);
      task.detail("writing the archive");
      return this.#save(imageId, entry, target, progress);
    });
  }

  async fromArchive(entry: ImageEntry, provided: Provided, target: string, progress: Progress): Promise<string> {
    const transport = provided.transport ?? "docker-archive";
    try {
      return await this.#save(await this.#buildah.load(transport, provided.path, progress), entry, target, progress);
    } catch (error) {
      throw new Error(`${provided.path} cannot be used as ${entry.reference}: ${messageOf(error)}`, { cause: error });
    }
  }

  fromBinary(
    entry: ImageEntry,
    program: string,
    binary: ProvidedBinary,
    target: string,
    progress: Progress,
  ): Promise<string> {
    return this.#inContext(async (context, secrets) => {
      await copyFile(program, join(context, "program"), constants.COPYFILE_FICLONE);
      await writeFile(join(context, "Containerfile"), programContainerfile(entry.name, binary));
      return this.#save(await this.#buildah.build({ context, secrets }, progress), entry, target, progress);
    });
  }

  async ensureBase(reference: string, imageId: string, archive: string, progress: Progress): Promise<void> {
    if ((await this.#buildah.idOf(reference, progress)) === imageId) return;
    const loaded = await this.#buildah.load("docker-archive", archive, progress);
    await this.#buildah.tag(loaded, reference, progress);
  }

  /**
   * Removes what interrupted and earlier builds left in the storage; no build may run meanwhile. Archives are not touched.
   * @param all also the images that are in use, and the packages' caches
   */
  async prune(all: boolean, progress: Progress): Promise<void> {
    if (!existsSync(join(this.root, "storage"))) return;
    await this.#buildah.removeHalfBuilt(progress);
    await (all ? this.#buildah.removeAll(progress) : this.#buildah.removeUnnamed(progress));
    const temporary = join(this.root, "tmp");
    for (const entry of await readdir(temporary).catch(() => [])) {
      if (all || entry !== packageCache) await rm(join(temporary, entry), { recursive: true, force: true });
    }
  }

  async #save(imageId: string, entry: ImageEntry, target: string, progress: Progress): Promise<string> {
    await this.#buildah.tag(imageId, entry.reference, progress);
    await this.#buildah.save(imageId, target, entry.reference, progress);
    return imageId;
  }

  async #inContext<T>(work: (context: string, secrets: Record<string, string>) => Promise<T>): Promise<T> {
    const temporary = join(this.root, "tmp");
    await mkdir(temporary, { recursive: true });
    const folder = await mkdtemp(join(temporary, "build-"));
    try {
      const context = join(folder, "context");
      await mkdir(context);
      return await work(context, await hostSecrets(folder));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** The Containerfile of an image that is a provided program on the base. */
export function programContainerfile(name: string, binary: ProvidedBinary): string {
  const environment = Object.entries(binary.environment).map(([key, value]) => `ENV ${key}=${JSON.stringify(value)}`);
  const cache = (folder: string, id: string) => `--mount=type=cache,id=${id}-${name},target=${folder},sharing=locked`;
  const install =
    binary.packages.length === 0
      ? []
      : [
          `RUN ${cache("/var/lib/apt/lists", "apt-lists")} ${cache("/var/cache/apt", "apt-cache")} apt-get update` +
            ` && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${binary.packages.join(" ")}`,
        ];
  return [
    `FROM ${programBase}`,
    ...install,
    `COPY --chmod=0755 program ${binary.path}`,
    ...environment,
    `USER ${binary.user}`,
    `ENTRYPOINT ${JSON.stringify(binary.entrypoint ?? [binary.path])}`,
    "",
  ].join("\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

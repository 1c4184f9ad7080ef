import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensurePackages, findProgram } from "../cluster/packages";
import type { Progress } from "../progress";
import { runEnclosed } from "./enclosure";

export interface BuildOptions {
  /** Folder with the Containerfile and what it copies. */
  readonly context: string;
  /** Files that steps may read and no layer keeps, by id. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** buildah on a storage of its own, apart from the machine's. */
export class Buildah {
  /** @param root folder of its storage, caches and temporary files */
  constructor(private readonly root: string) {}

  async #run(progress: Progress, args: readonly string[]): Promise<string> {
    if (process.getuid?.() !== 0) {
      throw new Error(`images are assembled as root; run it as root, or provide the image's archive (--images-dir)`);
    }
    if (!(await findProgram("buildah"))) await ensurePackages(["buildah"], progress);
    const temporary = join(this.root, "tmp");
    await mkdir(temporary, { recursive: true });
    // State that must not outlive a reboot stands where a reboot clears it.
    const runtime = `/run/ballast/images-${createHash("sha256").update(this.root).digest("hex").slice(0, 8)}`;
    const storage = ["--root", join(this.root, "storage"), "--runroot", runtime, "--storage-driver", "overlay"];
    const buildah = (await findProgram("buildah")) ?? "buildah";
    return runEnclosed(buildah, [...storage, ...args], { env: { BUILDAH_ISOLATION: "chroot", TMPDIR: temporary } });
  }

  /** Builds a Containerfile; its bases must be there. Gives the image's id. */
  async build(options: BuildOptions, progress: Progress): Promise<string> {
    const secrets = Object.entries(options.secrets).flatMap(([id, path]) => ["--secret", `id=${id},src=${path}`]);
    const flags = ["--layers", "--pull-never", "--network", "host", "--format", "docker", "--quiet"];
    return bareId(await this.#run(progress, ["bud", ...flags, ...secrets, options.context]));
  }

  /** Pulls from the reference's registry. Gives the image's id. */
  async pull(reference: string, progress: Progress): Promise<string> {
    return bareId(await this.#run(progress, ["pull", "--quiet", "--policy", "always", `docker://${reference}`]));
  }

  /** Reads an archive. Gives the image's id. */
  async load(transport: "docker-archive" | "oci-archive", path: string, progress: Progress): Promise<string> {
    return bareId(await this.#run(progress, ["pull", "--quiet", `${transport}:${path}`]));
  }

  /** Writes an image as an archive that holds it under the reference. Its layers are not compressed: nodes unpack it at once. */
  async save(imageId: string, path: string, reference: string, progress: Progress): Promise<void> {
    await this.#run(progress, ["push", "--quiet", imageId, `docker-archive:${path}:${reference}`]);
  }

  async tag(imageId: string, reference: string, progress: Progress): Promise<void> {
    await this.#run(progress, ["tag", imageId, reference]);
  }

  /** The id of the image that has the name; undefined when none has it. */
  async idOf(name: string, progress: Progress): Promise<string | undefined> {
    const list = JSON.parse(await this.#run(progress, ["images", "--json", "--no-trunc", "--all"])) as readonly {
      readonly id: string;
      readonly names?: readonly string[] | null;
    }[];
    const found = list.find((image) => image.names?.includes(name));
    return found && bareId(found.id);
  }

  /** Removes what interrupted builds left; no build may run meanwhile. */
  async removeHalfBuilt(progress: Progress): Promise<void> {
    await this.#run(progress, ["rm", "--all"]);
  }

  /** Removes the images of earlier builds that no name points to any more, and their layers. */
  async removeUnnamed(progress: Progress): Promise<void> {
    await this.#run(progress, ["rmi", "--prune", "--force"]);
  }

  async removeAll(progress: Progress): Promise<void> {
    await this.#run(progress, ["rmi", "--all", "--force"]);
  }
}

function bareId(output: string): string {
  return (
    output
      .split("\n")
      .at(-1)
      ?.replace(/^sha256:/, "") ?? ""
  );
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../cluster/lock";
import type { Progress, Task } from "../progress";
import { programBase, type Builder } from "./builder";
import { containerfileFolder, registryOf, type Catalogue, type ImageEntry } from "./catalogue";
import { inputsOf, type Input } from "./inputs";
import { findProvided, type Provided } from "./provided";
import { basesOf, recipeKey } from "./recipe";
import type { Registries } from "./registry";
import type { ImageRecord, Source, Store } from "./store";

/** An image that cannot be had on this machine. */
export class ImageUnavailable extends Error {
  constructor(
    readonly reference: string,
    readonly reason: string,
  ) {
    super(`image ${reference} is not available: ${reason}`);
    this.name = "ImageUnavailable";
  }
}

export interface ImageStatus {
  /** Short name, the key in the list. */
  readonly name: string;
  readonly reference: string;
  readonly purpose: string;
  /** Whether pods of the stacks run it. */
  readonly workload: boolean;
  /** Where it came from, or would come from if it were asked for now. */
  readonly source: Source | "unavailable";
  /** Why it is not the upstream image, or not available. */
  readonly reason?: string;
  /** Whether it can be used without making it first. */
  readonly cached: boolean;
  /** Size of the archive, bytes, once it is there. */
  readonly sizeBytes?: number;
}

export interface Parts {
  readonly catalogue: Catalogue;
  readonly store: Store;
  readonly registries: Registries;
  readonly builder: Builder;
  /** The user's directory of archives and programs. */
  readonly imagesDirectory?: string | undefined;
  /** Files that are made for a Containerfile, by its folder. @default those of the stand-ins */
  readonly inputsOf?: (folder: string) => readonly Input[];
}

/** Records of pulled images have this key: a tag is pulled once. */
const pulledKey = "pulled";

/** An image as it stands: made already, or what is left to do. */
interface Standing {
  readonly record?: ImageRecord;
  readonly provided?: Provided;
}

/** Decides where each image comes from: provided, cached, pulled, built here, or not at all. */
export class Images {
  readonly #running = new Map<string, Promise<ImageRecord>>();

  constructor(private readonly parts: Parts) {}

  /** The path of the image's archive, made if need be. */
  async archive(reference: string, progress: Progress): Promise<string> {
    const record = await this.#record(this.parts.catalogue.find(reference), progress);
    return this.parts.store.archivePath(reference, record.key);
  }

  async list(): Promise<ImageStatus[]> {
    return Promise.all(this.parts.catalogue.entries.map((entry) => this.#status(entry)));
  }

  /** Records that a request would be answered from now. */
  async current(): Promise<ImageRecord[]> {
    const standing = await Promise.all(this.parts.catalogue.entries.map((entry) => this.#standing(entry)));
    return standing.map(({ record }) => record).filter((record) => record !== undefined);
  }

  /** In one process an image is made once, whoever asks. */
  #record(entry: ImageEntry, progress: Progress): Promise<ImageRecord> {
    const running = this.#running.get(entry.reference);
    if (running) return running;
    const made = this.#obtain(entry, progress);
    this.#running.set(entry.reference, made);
    const forget = () => this.#running.delete(entry.reference);
    made.then(forget, forget);
    return made;
  }

  async #obtain(entry: ImageEntry, progress: Progress): Promise<ImageRecord> {
    const { record, provided } = await this.#standing(entry);
    if (record) return record;
    const answers = !provided && (await this.#registryAnswers(entry));
    if (!provided && !answers && containerfileFolder(entry) === undefined) throw this.#unavailable(entry);
    return progress.task(`Image ${entry.name}`, async (task) => {
      const pulled = answers ? await this.#locked(entry, task, () => this.#pull(entry, progress, task)) : undefined;
      if (pulled) return pulled;
      // Bases come before the lock, so that a process holds one lock at most.
      await this.#prepareBases(entry, provided, progress, task);
      return this.#locked(entry, task, (standing) => this.#make(entry, standing.provided, progress, task));
    });
  }

  /** Does the work unless another process has done it meanwhile. */
  #locked<T>(entry: ImageEntry, task: Task, work: (standing: Standing) => Promise<T>): Promise<T | ImageRecord> {
    return withLock(
      this.parts.store.lockPath(entry.reference),
      async () => {
        const standing = await this.#standing(entry);
        return standing.record ?? work(standing);
      },
      () => task.detail("waiting for another process that makes it"),
    );
  }

  async #make(entry: ImageEntry, provided: Provided | undefined, progress: Progress, task: Task): Promise<ImageRecord> {
    const { builder, catalogue, store } = this.parts;
    const { reference } = entry;
    if (provided) {
      task.detail(`provided: ${provided.path}`);
      const binary = entry.kind === "upstream" ? entry.binary : undefined;
      return store.add({ reference, key: providedKey(provided), source: "provided" }, (target) =>
        provided.type === "binary" && binary
          ? builder.fromBinary(entry, provided.path, binary, target, progress)
          : builder.fromArchive(entry, provided, target, progress),
      );
    }
    const folder = containerfileFolder(entry);
    if (folder === undefined) throw this.#unavailable(entry);
    const key = await this.#key(folder);
    return store.add({ reference, key, source: entry.kind === "own" ? "built" : "stand-in" }, (target) =>
      builder.build(entry, join(catalogue.root, folder), this.#inputs(folder), target, progress, task),
    );
  }

  /** Whether the image can be asked for at its registry. Our own images are built from the Containerfile of this checkout. */
  async #registryAnswers(entry: ImageEntry): Promise<boolean> {
    return entry.kind === "upstream" && (await this.parts.registries.answers(registryOf(entry.reference)));
  }

  /** The upstream image; undefined when it could not be pulled and a stand-in can take its place. */
  async #pull(entry: ImageEntry, progress: Progress, task: Task): Promise<ImageRecord | undefined> {
    const { builder, registries, store } = this.parts;
    const { reference } = entry;
    const host = registryOf(reference);
    task.detail(`pulling from ${host}`);
    try {
      return await store.add({ reference, key: pulledKey, source: "pulled" }, (target) =>
        builder.pull(entry, target, progress),
      );
    } catch (error) {
      registries.failed(host);
      const reason = error instanceof Error ? error.message : String(error);
      if (containerfileFolder(entry) === undefined) {
        throw new ImageUnavailable(reference, `pulling it failed (${reason}), and ${whyNoStandIn(entry)}`);
      }
      progress.note(`${reference} could not be pulled, a stand-in is built: ${reason}`);
      return undefined;
    }
  }

  async #prepareBases(
    entry: ImageEntry,
    provided: Provided | undefined,
    progress: Progress,
    task: Task,
  ): Promise<void> {
    const { builder, catalogue, store } = this.parts;
    if (provided?.type === "archive") return;
    const folder = containerfileFolder(entry);
    const bases = provided ? [programBase] : folder === undefined ? [] : await this.#bases(folder);
    for (const base of bases) {
      task.detail(`waiting for its base ${base}`);
      const record = await this.#record(catalogue.find(base), progress);
      await withLock(store.lockPath(base), () =>
        builder.ensureBase(base, record.imageId, store.archivePath(base, record.key), progress),
      );
    }
  }

  async #status(entry: ImageEntry): Promise<ImageStatus> {
    const { name, reference, purpose, workload } = entry;
    const base = { name, reference, purpose, workload };
    const standIn = entry.kind === "upstream" && entry.standIn;
    const host = registryOf(reference);
    let standing: Standing;
    try {
      standing = await this.#standing(entry);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...base, source: "unavailable", reason, cached: false };
    }
    const { record, provided } = standing;
    if (record) {
      const made = { ...base, source: record.source, cached: true, sizeBytes: record.size };
      if (record.source !== "stand-in") return made;
      return { ...made, reason: `could not be pulled from ${host}; assembled from ${standIn || ""}` };
    }
    if (provided) return { ...base, source: "provided", cached: false };
    if (entry.kind === "own") return { ...base, source: "built", cached: false };
    if (await this.#registryAnswers(entry)) return { ...base, source: "pulled", cached: false };
    if (standIn) {
      const reason = `${host} does not answer; to be assembled from ${standIn}`;
      return { ...base, source: "stand-in", reason, cached: false };
    }
    return { ...base, source: "unavailable", reason: this.#unavailable(entry).reason, cached: false };
  }

  async #standing(entry: ImageEntry): Promise<Standing> {
    const { imagesDirectory, store } = this.parts;
    const { reference } = entry;
    const provided = imagesDirectory === undefined ? undefined : await findProvided(imagesDirectory, entry);
    if (provided) {
      const record = await store.find(reference, providedKey(provided));
      return { provided, ...(record && { record }) };
    }
    const folder = containerfileFolder(entry);
    const record =
      (entry.kind === "upstream" ? await store.find(reference, pulledKey) : undefined) ??
      (folder === undefined ? undefined : await store.find(reference, await this.#key(folder)));
    return record ? { record } : {};
  }

  /** What tells whether an image that is built upon this one is still right. */
  async #identity(entry: ImageEntry): Promise<string> {
    const { record, provided } = await this.#standing(entry);
    if (record) return record.key === pulledKey ? record.imageId : record.key;
    if (provided) return providedKey(provided);
    const folder = containerfileFolder(entry);
    return folder === undefined ? entry.reference : this.#key(folder);
  }

  async #key(folder: string): Promise<string> {
    const { catalogue } = this.parts;
    const bases = await Promise.all((await this.#bases(folder)).map((base) => this.#identity(catalogue.find(base))));
    const inputs = await Promise.all(this.#inputs(folder).map((input) => input.key()));
    return recipeKey(join(catalogue.root, folder), { bases, inputs });
  }

  async #bases(folder: string): Promise<string[]> {
    return basesOf(await readFile(join(this.parts.catalogue.root, folder, "Containerfile"), "utf8"));
  }

  #inputs(folder: string): readonly Input[] {
    return (this.parts.inputsOf ?? inputsOf)(folder);
  }

  #unavailable(entry: ImageEntry): ImageUnavailable {
    const host = registryOf(entry.reference);
    return new ImageUnavailable(entry.reference, `${host} does not answer, and ${whyNoStandIn(entry)}`);
  }
}

function whyNoStandIn(entry: ImageEntry): string {
  return (entry.kind === "upstream" && entry.unavailable) || "nothing stands in for it";
}

function providedKey(provided: Provided): string {
  return `provided-${provided.fingerprint}`;
}

import { join } from "node:path";
import { cacheRoot } from "../cluster/cache.mjs";
import { withLock } from "../cluster/lock";
import type { Progress } from "../progress";
import { BuildahBuilder } from "./builder";
import { loadCatalogue } from "./catalogue";
import { Registries } from "./registry";
import { Images, type ImageStatus } from "./resolve";
import { Store } from "./store";

export { ImageUnavailable, type ImageStatus } from "./resolve";
export { sanitise } from "./store";

export interface ImageOptions {
  /**
   * A directory that provides images: `<sanitised reference>.tar` (see `sanitise`) as docker or OCI archive, or
   * `<short name>`, a program for an entry that says how it becomes an image.
   * @default the environment's BALLAST_IMAGES, else none
   */
  readonly imagesDirectory?: string | undefined;
}

const store = () => new Store(join(cacheRoot(), "images"));
const registries = new Registries();
const open = new Map<string, Images>();

function images(options: ImageOptions): Images {
  const imagesDirectory = options.imagesDirectory ?? (process.env.BALLAST_IMAGES || undefined);
  const place = `${store().root}\0${imagesDirectory ?? ""}`;
  const known = open.get(place);
  if (known) return known;
  const made = new Images({
    catalogue: loadCatalogue(),
    store: store(),
    registries,
    builder: new BuildahBuilder(store().root),
    imagesDirectory,
  });
  open.set(place, made);
  return made;
}

/**
 * The path of an archive that holds the image under exactly this reference, for `ctr images import`. Made if need be; the path
 * changes when the content does.
 * @param reference one of infra/images.json
 * @throws ImageUnavailable where it can be had in no way
 */
export async function imageArchive(reference: string, progress: Progress, options: ImageOptions = {}): Promise<string> {
  return images(options).archive(reference, progress);
}

/** `imageArchive` for several at once, by reference. The first that fails is the error; the others go on meanwhile. */
export async function imageArchives(
  references: readonly string[],
  progress: Progress,
  options: ImageOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const wanted = [...new Set(references)];
  const paths = await Promise.all(wanted.map((reference) => imageArchive(reference, progress, options)));
  return new Map(wanted.map((reference, index) => [reference, paths[index] ?? ""]));
}

/** Each image of the list: where it comes from, and whether it is there. Builds and pulls nothing. */
export async function listImages(options: ImageOptions = {}): Promise<ImageStatus[]> {
  return images(options).list();
}

export interface PruneOptions extends ImageOptions {
  /** Also the archives in use, the build storage and its caches. @default false */
  readonly all?: boolean;
}

/**
 * Removes archives that this checkout's images no longer use (another checkout that uses one makes it again), and what
 * interrupted builds left.
 * @returns bytes of the archives that were removed
 */
export async function pruneImages(progress: Progress, options: PruneOptions = {}): Promise<number> {
  const kept = options.all ? [] : await images(options).current();
  const locks = loadCatalogue().entries.map((entry) => store().lockPath(entry.reference));
  const prune = async () => {
    await new BuildahBuilder(store().root).prune(options.all ?? false, progress);
    return store().removeAllBut(kept);
  };
  // Nothing is made meanwhile. A maker holds one lock at most, so taking all of them cannot end in a deadlock.
  return locks.reduceRight<() => Promise<number>>((work, lock) => () => withLock(lock, work), prune)();
}

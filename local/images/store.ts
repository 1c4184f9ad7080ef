import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** How an image was had. */
export type Source = "pulled" | "built" | "stand-in" | "provided";

const recordSchema = z.object({
  reference: z.string(),
  key: z.string(),
  source: z.enum(["pulled", "built", "stand-in", "provided"]),
  /** Identity of the image's configuration, sha256. */
  imageId: z.string(),
  /** Size of the archive, bytes. */
  size: z.number(),
});

export type ImageRecord = z.infer<typeof recordSchema>;

/** A reference as part of a file's name: everything but letters, digits, dots and dashes becomes an underscore. */
export function sanitise(reference: string): string {
  return reference.replace(/[^A-Za-z0-9.-]+/g, "_");
}

/**
 * Archives of images in a folder, one per reference and key; the key is a digest of what the image was made from.
 * A record is written after its archive, so an archive without one is half made.
 */
export class Store {
  constructor(readonly root: string) {}

  get archives(): string {
    return join(this.root, "archives");
  }

  archivePath(reference: string, key: string): string {
    return join(this.archives, `${sanitise(reference)}-${key}.tar`);
  }

  lockPath(reference: string): string {
    return join(this.root, "locks", sanitise(reference));
  }

  async find(reference: string, key: string): Promise<ImageRecord | undefined> {
    const archive = this.archivePath(reference, key);
    const text = await readFile(recordOf(archive), "utf8").catch(() => undefined);
    const record = text === undefined ? undefined : parseRecord(text);
    if (record?.reference !== reference) return undefined;
    const size = await stat(archive).then(
      (found) => found.size,
      () => -1,
    );
    return size === record.size ? record : undefined;
  }

  /** Puts a finished archive, which `write` makes at the path that it is given, under its name. */
  async add(
    image: Pick<ImageRecord, "reference" | "key" | "source">,
    write: (path: string) => Promise<string>,
  ): Promise<ImageRecord> {
    await mkdir(this.archives, { recursive: true });
    const archive = this.archivePath(image.reference, image.key);
    const half = `${archive}.${process.pid}.new`;
    try {
      const imageId = await write(half);
      const record: ImageRecord = { ...image, imageId, size: (await stat(half)).size };
      await rename(half, archive);
      await writeFile(`${recordOf(archive)}.new`, `${JSON.stringify(record, null, 2)}\n`);
      await rename(`${recordOf(archive)}.new`, recordOf(archive));
      return record;
    } finally {
      await rm(half, { force: true });
    }
  }

  /** Every record that is there. */
  async records(): Promise<ImageRecord[]> {
    const files = await readdir(this.archives).catch(() => []);
    const texts = await Promise.all(
      files.filter((file) => file.endsWith(".json")).map((file) => readFile(join(this.archives, file), "utf8")),
    );
    return texts.map(parseRecord).filter((record) => record !== undefined);
  }

  /** Removes every archive but those of `kept`, and what was left half made. Gives the bytes that were freed. */
  async removeAllBut(kept: readonly ImageRecord[]): Promise<number> {
    const keep = new Set(
      kept.flatMap(({ reference, key }) => {
        const archive = this.archivePath(reference, key);
        return [archive, recordOf(archive)];
      }),
    );
    let freed = 0;
    for (const file of await readdir(this.archives).catch(() => [])) {
      const path = join(this.archives, file);
      if (keep.has(path)) continue;
      freed += (await stat(path)).size;
      await rm(path, { force: true });
    }
    return freed;
  }
}

function recordOf(archive: string): string {
  return archive.replace(/\.tar$/, ".json");
}

function parseRecord(text: string): ImageRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    // A record that cannot be read is as good as none: the image is made again.
    return undefined;
  }
}

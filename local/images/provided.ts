import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ImageEntry } from "./catalogue";
import { sanitise } from "./store";
import { readMember } from "./tar";

/** What the user's directory has for an image. */
export interface Provided {
  readonly type: "archive" | "binary";
  readonly path: string;
  /** Of an archive: how buildah is to read it. */
  readonly transport?: "docker-archive" | "oci-archive";
  /** Changes when the file does. */
  readonly fingerprint: string;
}

/**
 * Looks for an image in the directory that the user names. `<sanitised reference>.tar` is a docker or OCI archive, as in
 * `docker save`; `<short name>` is a program, for entries that say how it becomes an image.
 * @throws Error that names file and reason when there is one that cannot be used
 */
export async function findProvided(directory: string, entry: ImageEntry): Promise<Provided | undefined> {
  const folder = await stat(directory).catch(() => undefined);
  if (!folder?.isDirectory()) {
    throw new Error(`the images' directory ${directory} (--images-dir or BALLAST_IMAGES) is not a directory`);
  }
  const archive = join(directory, `${sanitise(entry.reference)}.tar`);
  const archiveStat = await stat(archive).catch(() => undefined);
  if (archiveStat) {
    return {
      type: "archive",
      path: archive,
      transport: await archiveTransport(archive),
      fingerprint: fingerprint(archive, archiveStat.size, archiveStat.mtimeMs),
    };
  }
  const program = join(directory, entry.name);
  const programStat = await stat(program).catch(() => undefined);
  if (!programStat) return undefined;
  if (entry.kind === "own" || !entry.binary) {
    throw new Error(
      `${program} cannot become ${entry.reference}: ` +
        `its entry ${entry.name} has no "binary"; provide an archive ${sanitise(entry.reference)}.tar`,
    );
  }
  if (!programStat.isFile() || programStat.size === 0)
    throw new Error(`${program} is not a program (not a file, or empty)`);
  await access(program, constants.R_OK);
  return { type: "binary", path: program, fingerprint: fingerprint(program, programStat.size, programStat.mtimeMs) };
}

async function archiveTransport(path: string): Promise<"docker-archive" | "oci-archive"> {
  if ((await readMember(path, "oci-layout")) !== undefined && (await readMember(path, "manifest.json")) === undefined) {
    return "oci-archive";
  }
  const manifest = await readMember(path, "manifest.json");
  if (manifest === undefined) {
    throw new Error(`${path} is no image archive: it has neither manifest.json (docker save) nor oci-layout`);
  }
  let images: unknown;
  try {
    images = JSON.parse(manifest);
  } catch (error) {
    throw new Error(
      `${path}: its manifest.json is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const count = Array.isArray(images) ? images.length : 0;
  if (count !== 1) throw new Error(`${path} holds ${count} images; it must hold one`);
  return "docker-archive";
}

function fingerprint(path: string, size: number, modified: number): string {
  return createHash("sha256").update(`${path}\0${size}\0${modified}`).digest("hex").slice(0, 16);
}

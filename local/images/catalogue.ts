import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";

const repository = join(__dirname, "..", "..");

const name = z.string().regex(/^[a-z][a-z0-9-]*$/, "must be a short name of lower-case letters, digits and dashes");
const reference = z
  .string()
  .regex(
    /^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/,
    "must be registry/path:tag, as in registry.k8s.io/pause:3.10",
  )
  .refine((value) => !value.endsWith(":latest"), "must name a fixed tag, not latest");
const folder = z
  .string()
  .regex(/^[a-z0-9-]+(\/[a-z0-9-]+)*$/, "must be a folder of the repository, as in local/images/stand-ins/pause");
const sentence = z.string().min(1, "must not be empty");

const binary = z.strictObject({
  /** Where the program stands in the image. */
  path: z.string().startsWith("/", "must be an absolute path in the image"),
  /** Command line of the image. @default the program alone */
  entrypoint: z.array(z.string()).min(1).optional(),
  /** Numeric user that it runs as. @default "65532" */
  user: z
    .string()
    .regex(/^\d+(:\d+)?$/, "must be a numeric user, or user:group")
    .default("65532"),
  /** @default none */
  environment: z.record(z.string(), z.string()).default({}),
  /** Debian packages it needs. @default none */
  packages: z.array(z.string()).default([]),
});

/** Whether pods of the stacks run it, so that it must be on the nodes; the cluster's own addons look after theirs. @default false */
const workload = z.boolean().default(false);

const upstream = z
  .strictObject({
    kind: z.literal("upstream"),
    reference,
    purpose: sentence,
    workload,
    /** Folder of the Containerfile that stands in where no registry answers. */
    standIn: folder.optional(),
    /** How a program that the user provides becomes this image. */
    binary: binary.optional(),
    /** Why there is no stand-in. */
    unavailable: sentence.optional(),
  })
  .refine((entry) => (entry.standIn === undefined) !== (entry.unavailable === undefined), {
    message: "needs one of standIn (a folder) or unavailable (the reason why there is none)",
  });

const own = z.strictObject({
  kind: z.literal("own"),
  reference,
  purpose: sentence,
  workload,
  /** Folder of its Containerfile. */
  folder,
});

const schema = z.record(name, z.discriminatedUnion("kind", [upstream, own], "must be upstream or own"));

export type ProvidedBinary = z.infer<typeof binary>;
export type ImageEntry = z.infer<typeof schema>[string] & { readonly name: string };

/** The list of images that the platform uses (`infra/images.json`). */
export class Catalogue {
  /** @throws Error that names file, key and what is right */
  constructor(
    readonly entries: readonly ImageEntry[],
    readonly root: string,
    private readonly file: string,
  ) {}

  /** @throws Error for a reference that is not in the list, with those that are */
  find(wanted: string): ImageEntry {
    const entry = this.entries.find((candidate) => candidate.reference === wanted);
    if (entry) return entry;
    const known = this.entries.map((candidate) => `  ${candidate.reference}`).join("\n");
    throw new Error(`image ${wanted} is not in ${this.file}; it has\n${known}`);
  }

  has(wanted: string): boolean {
    return this.entries.some((candidate) => candidate.reference === wanted);
  }
}

/**
 * Reads and checks the list.
 * @param file @default infra/images.json
 * @param root the folder that the entries' folders are relative to. @default the repository
 */
export function loadCatalogue(file = join(repository, "infra", "images.json"), root = repository): Catalogue {
  const shown = relative(root, file);
  const fail = (problems: readonly string[]) => new Error(`${shown}: ${problems.join("; ")}`);
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw fail([error instanceof Error ? error.message : String(error)]);
  }
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    throw fail(parsed.error.issues.map((issue) => `${issue.path.join(".") || "the list"} ${issue.message}`));
  }
  const entries = Object.entries(parsed.data).map(([key, entry]): ImageEntry => ({ ...entry, name: key }));
  const problems: string[] = [];
  const first = new Map<string, string>();
  for (const entry of entries) {
    const twin = first.get(entry.reference);
    if (twin) problems.push(`${entry.name}.reference ${entry.reference} is the one of ${twin}; one image, one entry`);
    first.set(entry.reference, entry.name);
    const source = containerfileFolder(entry);
    if (source && !existsSync(join(root, source, "Containerfile"))) {
      problems.push(`${entry.name}.${entry.kind === "own" ? "folder" : "standIn"} ${source} has no Containerfile`);
    }
  }
  if (problems.length > 0) throw fail(problems);
  return new Catalogue(entries, root, shown);
}

/** The folder, relative to the repository, of the Containerfile that makes the image here. */
export function containerfileFolder(entry: ImageEntry): string | undefined {
  return entry.kind === "own" ? entry.folder : entry.standIn;
}

/** The host of a reference's registry. */
export function registryOf(wanted: string): string {
  return wanted.slice(0, wanted.indexOf("/"));
}

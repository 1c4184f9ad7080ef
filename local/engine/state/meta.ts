import { join } from "node:path";
import { parse } from "yaml";
import { isJsonObject } from "./codec";
import type { Disk } from "./disk";

/** The layout that has a folder per project. */
const LAYOUT_VERSION = 1;

/**
 * Makes `root` a backend as the CLI would, or checks that it is one.
 * @throws an error that says how to go on when it is of another layout
 */
export async function ensureMeta(disk: Disk, root: string): Promise<void> {
  const file = join(root, ".pulumi", "meta.yaml");
  const content = await disk.read(file);
  if (content === undefined) {
    const legacy = (await disk.list(join(root, ".pulumi", "stacks"))).filter((name) => name.endsWith(".json"));
    if (legacy.length > 0) throw oldLayout(root, `it has ${legacy[0]} outside a project's folder`);
    await disk.replace(file, [`version: ${LAYOUT_VERSION}\n`]);
    return;
  }
  let meta: unknown;
  try {
    meta = parse(content.toString("utf8"));
  } catch (error) {
    throw new Error(`${file} is not YAML: ${(error as Error).message}; it should be "version: ${LAYOUT_VERSION}"`);
  }
  const version = isJsonObject(meta) ? meta["version"] : undefined;
  if (version === 0) throw oldLayout(root, `${file} says version 0`);
  if (version !== LAYOUT_VERSION) {
    throw new Error(
      `${file} says version ${JSON.stringify(version)}; the embedded engine knows ${LAYOUT_VERSION} only`,
    );
  }
}

function oldLayout(root: string, why: string): Error {
  return new Error(
    `the state under ${root} is in the layout from before projects (${why}): upgrade it with \`pulumi state upgrade\``,
  );
}

// Makes one program of a service and all that it imports, for its image:
//   npm run bundle -- taskdb       writes node_modules/.cache/bundles/taskdb/taskdb.cjs
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";

const root = join(import.meta.dirname, "..");

/** What each service is made from, and what its image does without. */
const services = {
  // The image has no SQLite; without `pg-native` pg uses its own JavaScript.
  taskdb: { entry: "services/taskdb/main.ts", external: ["libsql", "@libsql/*", "pg-native"] },
};

let before = Promise.resolve();

/** The program as bytes, the same for the same sources wherever the checkout stands. */
export function bundle(name) {
  const made = before.then(() => make(name));
  before = made.catch(() => undefined);
  return made;
}

/** One at a time: esbuild's own process, of a hundred megabytes, is ended after each. */
async function make(name) {
  const service = services[name];
  if (!service)
    throw new Error(`services/bundle.mjs has no service "${name}"; it has ${Object.keys(services).join(", ")}`);
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [service.entry],
    external: service.external,
    outfile: join(root, "node_modules/.cache/bundles", name, `${name}.cjs`),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Stack traces name functions; a source map would triple the size.
    keepNames: true,
    legalComments: "none",
    logLevel: "silent",
    write: false,
  }).finally(() => stop());
  const [file] = outputFiles;
  if (!file) throw new Error(`${service.entry} has become no file`);
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { mkdir, writeFile } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  for (const name of process.argv.slice(2)) {
    const { path, contents } = await bundle(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
    process.stdout.write(`${relative(root, path)} ${(contents.byteLength / 2 ** 20).toFixed(1)} MiB\n`);
  }
}

// Loads TypeScript of this checkout as one file with V8's code cache. Loading some 500 files one by one, each through a transpiler, takes longer than
// most commands take to do their work. What is loaded is made anew when a source or a dependency changes, and kept below the user's cache folder;
// where that cannot be done, or with BALLAST_BUNDLE=off, the files are loaded one by one. docs/adr/0009-program-start.md has the figures.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import vm from "node:vm";
import { cacheRoot } from "../local/cluster/cache.mjs";
import { pruneUnused } from "../local/prune.mjs";

/** A change of how bundles are made or loaded; part of their name. */
const FORMAT = 1;
/** Large, and loaded only now and then; or not there at all. */
const EXTERNAL = ["@pulumi/pulumi/automation/*", "@peculiar/x509", "undici", "pg-native"];

const require = createRequire(import.meta.url);
const digest = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 40);
};

/**
 * The exports of `entry`, a TypeScript file below `root`.
 * @param {string} root folder of package.json and node_modules
 * @param {string} entry absolute
 * @param {string} use what it is loaded for, a plain word: each use keeps the code of the functions that it needs
 */
export async function load(root, entry, use) {
  if (process.env.BALLAST_BUNDLE === "off") return loadFiles(entry);
  let bundle;
  let source;
  try {
    const store = new Store(root, entry);
    bundle = store.current() ?? (await store.make());
    // esbuild writes ASCII only, which V8 holds in half the memory.
    source = readFileSync(bundle.file, "latin1");
  } catch (error) {
    // A cache is a convenience: an unwritable folder or a broken esbuild must not keep anybody from working.
    if (process.env.BALLAST_DEBUG) process.stderr.write(`no bundle of ${entry}: ${error.stack}\n`);
    return loadFiles(entry);
  }
  return run(source, bundle.file, bundle.codeOf(use), entry);
}

async function loadFiles(entry) {
  await import("tsx");
  return require(entry);
}

class Store {
  constructor(root, entry) {
    this.root = root;
    this.entry = entry;
    this.parent = join(cacheRoot(), "bundles");
    // One of each checkout and Node: the next overwrites what it was made from before.
    this.folder = join(this.parent, digest(String(FORMAT), process.version, process.arch, root, entry));
  }

  /** The bundle, if what it was made of is still what lies on disk. */
  current() {
    let manifest;
    try {
      manifest = JSON.parse(readFileSync(join(this.folder, "manifest.json"), "utf8"));
    } catch (error) {
      if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined;
      throw error;
    }
    if (manifest.sources !== this.#hash(manifest.inputs)) return undefined;
    if (!existsSync(this.#bundle(manifest.sources).file)) return undefined;
    pruneUnused(this.parent, this.folder);
    return this.#bundle(manifest.sources);
  }

  async make() {
    const { build, stop } = createRequire(require.resolve("tsx"))("esbuild");
    const { metafile, outputFiles } = await build({
      entryPoints: [this.entry],
      absWorkingDir: this.root,
      bundle: true,
      write: false,
      charset: "ascii",
      metafile: true,
      platform: "node",
      format: "cjs",
      target: `node${process.versions.node}`,
      external: EXTERNAL,
      // Packages that are left out are required: a script that is not a file of Node's loader cannot import.
      supported: { "dynamic-import": false },
      logLevel: "silent",
      plugins: [{ name: "own-folder", setup: ({ onLoad }) => onLoad({ filter: /\.[cm]?[jt]s$/ }, ownFolder) }],
    }).finally(() => stop());
    const inputs = Object.keys(metafile.inputs).filter((path) => !/(^|\/)node_modules\//.test(path));
    const sources = this.#hash(inputs);
    const bundle = this.#bundle(sources);
    mkdirSync(this.folder, { recursive: true });
    for (const name of readdirSync(this.folder)) {
      if (!name.startsWith(sources)) rmSync(join(this.folder, name), { force: true });
    }
    put(bundle.file, outputFiles[0].contents);
    put(join(this.folder, "manifest.json"), JSON.stringify({ sources, inputs }));
    return bundle;
  }

  /** Of all that a bundle depends on. New files count too: they may be found in place of others. */
  #hash(inputs) {
    const folders = [...new Set(inputs.map((path) => dirname(path)))].sort();
    return digest(
      readFileSync(join(this.root, "package-lock.json")),
      ...folders.flatMap((folder) => [folder, ...names(join(this.root, folder))]),
      ...inputs.flatMap((path) => {
        const file = join(this.root, path);
        return [path, existsSync(file) ? readFileSync(file) : "missing"];
      }),
    );
  }

  #bundle(sources) {
    const file = join(this.folder, `${sources}.cjs`);
    return { file, codeOf: (use) => `${file}.${use}` };
  }
}

const names = (folder) => (existsSync(folder) ? readdirSync(folder).sort() : ["missing"]);

/** Whole or not at all, whoever else writes it at the same time. */
function put(file, content) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, file);
}

/** In a bundle, a file's own folder is that of its source. */
function ownFolder({ path }) {
  const contents = readFileSync(path, "utf8");
  if (!/\b__(dirname|filename)\b/.test(contents)) return undefined;
  const own = `var __dirname = ${JSON.stringify(dirname(path))}, __filename = ${JSON.stringify(path)};`;
  const loader = path.endsWith("ts") ? "ts" : "js";
  return { contents: contents.startsWith("#!") ? contents : `${own}${contents}`, loader };
}

function run(source, file, code, entry) {
  let cachedData;
  try {
    cachedData = readFileSync(code);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const script = new vm.Script(Module.wrap(source), { filename: file, cachedData });
  if (cachedData === undefined || script.cachedDataRejected) {
    // At the end, when the functions that a command needs have been compiled.
    process.once("exit", (status) => status === 0 && keepCode(script, code));
  }
  const module = new Module(entry, null);
  module.filename = entry;
  module.paths = Module._nodeModulePaths(dirname(entry));
  const within = createRequire(entry);
  script.runInThisContext().call(module.exports, module.exports, within, module, entry, dirname(entry));
  return module.exports;
}

function keepCode(script, file) {
  try {
    put(file, script.createCachedData());
  } catch (error) {
    if (process.env.BALLAST_DEBUG) process.stderr.write(`cannot keep ${relative(process.cwd(), file)}: ${error}\n`);
  }
}

/**
 * Loaded into the program's process before the SDK's runner, to make it start sooner; it changes nothing that a program can see.
 * 1. The SDK takes a stack trace for each of its promises, to explain leaks; those are not mapped to sources, which costs more than all else.
 * 2. What the SDK needs only to serialize functions (the TypeScript compiler, npm's dependency tree) is loaded when it does so.
 * 3. The SDK's debug messages, which nobody sees, are not sent: they go one after the other, and hold up the program's end.
 * 4. TypeScript is transpiled as the SDK's ts-node does with PULUMI_NODEJS_TRANSPILE_ONLY, but once for each text of a file.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";

const cacheRoot = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "ballast", "program");
const fromRunner = createRequire(path.resolve(process.argv[1] ?? "."));
const digest = (...texts) => {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  return hash.digest("hex").slice(0, 40);
};

/** A cache is a convenience: where it cannot be written the program runs all the same. */
function save(file, data) {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, data);
    renameSync(draft, file);
  } catch (error) {
    if (process.env.BALLAST_DEBUG) console.error(`cannot keep ${file}: ${error}`);
  }
}

// 1.
let prepare = Error.prepareStackTrace;
const unmapped = /[\\/]@pulumi[\\/]pulumi[\\/](runtime[\\/]debuggable|resource)\.js$/;
const guarded = (error, sites) => {
  const origin = sites[0]?.getFileName();
  if (prepare !== undefined && !(origin && unmapped.test(origin))) return prepare(error, sites);
  return `${error}${sites.map((site) => `\n    at ${site}`).join("")}`;
};
Object.defineProperty(Error, "prepareStackTrace", {
  configurable: true,
  get: () => (prepare === undefined ? undefined : guarded),
  set: (value) => {
    prepare = value === guarded ? prepare : value;
  },
});

// 2. and 3.
const heavy = /[\\/]@pulumi[\\/]pulumi[\\/]typescript-shim\.js$|[\\/]@npmcli[\\/]arborist[\\/]lib[\\/]index\.js$/;
const log = /[\\/]@pulumi[\\/]pulumi[\\/]log[\\/]index\.js$/;
const compile = Module.prototype._compile;
Module.prototype._compile = function compileOrWait(content, filename) {
  if (heavy.test(filename)) {
    this.exports = onFirstUse(this, () => compile.call(this, content, filename));
    return undefined;
  }
  const result = compile.call(this, content, filename);
  if (log.test(filename) && !process.env.BALLAST_DEBUG) this.exports.debug = () => Promise.resolve();
  return result;
};
/** Stands for the exports of `module` until somebody looks into them. It says that it is an ES module, so that it is not copied. */
function onFirstUse(module, load) {
  let real;
  const exports = () => {
    if (real === undefined) {
      module.exports = {};
      load();
      real = module.exports;
    }
    return real;
  };
  return new Proxy(Object.create(null), {
    get: (_, key) => (key === "__esModule" ? true : exports()[key]),
    has: (_, key) => key in exports(),
    ownKeys: () => Reflect.ownKeys(exports()),
    getOwnPropertyDescriptor: (_, key) => ({ ...Reflect.getOwnPropertyDescriptor(exports(), key), configurable: true }),
  });
}

// 4.
const outputs = new Map();
const configFile = path.resolve(process.env.PULUMI_NODEJS_TSCONFIG_PATH || "tsconfig.json");
let compiler;
function transpile(text, filename) {
  compiler ??= loadCompiler();
  const { typescript, compilerOptions } = compiler;
  return typescript.transpileModule(text, { fileName: filename, compilerOptions, reportDiagnostics: true });
}
function loadCompiler() {
  const folder = createRequire(path.join(process.cwd(), "index.js"));
  let typescript;
  try {
    typescript = folder("typescript");
  } catch {
    typescript = fromRunner("../../vendor/typescript@3.8.3/typescript.js");
  }
  const json = { compilerOptions: {} };
  if (existsSync(configFile)) {
    const { config, error } = typescript.readConfigFile(configFile, typescript.sys.readFile);
    if (error) throw new SyntaxError(typescript.flattenDiagnosticMessageText(error.messageText, "\n"));
    Object.assign(json, config);
  }
  json.compilerOptions = {
    target: "ES2020",
    module: "nodenext",
    moduleResolution: "nodenext",
    ...json.compilerOptions,
  };
  const { options } = typescript.parseJsonConfigFileContent(
    json,
    typescript.sys,
    path.dirname(configFile),
    undefined,
    configFile,
  );
  const compilerOptions = {
    ...options,
    inlineSourceMap: true,
    inlineSources: true,
    sourceMap: false,
    noEmit: false,
    declaration: false,
  };
  return { typescript, compilerOptions };
}
const configText = existsSync(configFile) ? readFileSync(configFile, "utf8") : "";
const cacheable = !configText.includes('"extends"');
function toJavaScript(filename) {
  const text = readFileSync(filename, "utf8");
  const file = path.join(cacheRoot, "transpiled", digest("1", process.version, configText, filename, text));
  if (cacheable && existsSync(file)) return readFileSync(file, "utf8");
  const { outputText, diagnostics = [] } = transpile(text, filename);
  if (diagnostics.length > 0) {
    const { typescript } = compiler;
    const host = {
      getCurrentDirectory: () => process.cwd(),
      getCanonicalFileName: (name) => name,
      getNewLine: () => "\n",
    };
    throw new SyntaxError(typescript.formatDiagnostics(diagnostics, host));
  }
  if (cacheable) save(file, outputText);
  return outputText;
}
if (process.env.BALLAST_PROGRAM_TYPESCRIPT === "true") {
  delete process.env.BALLAST_PROGRAM_TYPESCRIPT;
  const load = (module, filename) => {
    if (outputs.size === 0) {
      fromRunner("source-map-support").install({
        environment: "node",
        retrieveFile: (name) => outputs.get(name) ?? null,
      });
    }
    const output = toJavaScript(filename);
    outputs.set(filename, output);
    module._compile(output, filename);
  };
  for (const extension of [".ts", ".tsx", ".cts"]) Module._extensions[extension] = load;
}

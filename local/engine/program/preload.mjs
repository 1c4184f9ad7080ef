/**
 * Loaded into the process of a program, or of a policy pack, before the SDK's runner, to make it start sooner. It changes nothing that a program can
 * see; BALLAST_PRELOAD=off leaves it out. docs/adr/0009-program-start.md says what each part saves.
 * 1. Scripts of packages are compiled once, and their code is kept.
 * 2. TypeScript is transpiled as the SDK's ts-node does with PULUMI_NODEJS_TRANSPILE_ONLY, but once for each text of a file.
 * 3. What the SDK needs only to serialize functions (the TypeScript compiler, npm's dependency tree, the debugger) waits until it does so.
 * 4. What the SDK makes and nobody reads is not made: stack traces for reports that are off, positions in the source for an engine that does not
 *    take them, debug messages.
 * 5. What a program throws is told without colours: Node 20.20 looks for packages in coloured stack traces, and never comes to the end of a line such
 *    as `node_modules/@pulumi/resource.ts`, which the SDK's own source maps bring about. A minute and half a gigabyte later it gives up.
 */
import Module, { createRequire } from "node:module";
import path from "node:path";
import { inspect } from "node:util";
import v8 from "node:v8";
import vm from "node:vm";
import { digest, Kept } from "./kept.mjs";
import { transpiler } from "./transpile.mjs";

// The SDK sets it among its first steps. Compiled code is good only under the flags that it was made with, so it must be set before.
v8.setFlagsFromString("--allow-natives-syntax");

const runner = path.resolve(process.argv[1] ?? ".");
const kept = new Kept(digest(process.version, process.arch, path.resolve(runner, "../..")));
// A program is ended once it has said that it is done; a pack goes by exit.
for (const end of ["beforeExit", "exit"]) process.once(end, () => kept.save());

const inPackage = `${path.sep}node_modules${path.sep}`;
const sdk = (...names) => new RegExp(`[\\\\/]@pulumi[\\\\/]pulumi[\\\\/]${names.join("[\\\\/]")}\\.js$`);

/** By the file that they change: a function that gets the module and how it is loaded. */
const changes = [
  [sdk("typescript-shim"), onFirstUse],
  [/[\\/]@npmcli[\\/]arborist[\\/]lib[\\/]index\.js$/, onFirstUse],
  [sdk("runtime", "closure", "v8Hooks"), once(debuggerOnFirstUse)],
  [sdk("runtime", "debuggable"), once(withoutStackTraces)],
  [sdk("resource"), once(withoutPositions)],
  [sdk("log", "index"), once(withoutDebugMessages)],
  [sdk("cmd", "run", "error"), once(withoutColours)],
];
const compile = Module.prototype._compile;
Module.prototype._compile = function compileOrChange(content, filename) {
  const load = () =>
    filename.includes(inPackage) ? runKept(this, content, filename) : compile.call(this, content, filename);
  const [, change] = changes.find(([file]) => file.test(filename)) ?? [];
  return change === undefined ? load() : change(this, load);
};

/** Runs a package's script as Node does, with its compiled code where that is kept. */
function runKept(module, content, filename) {
  // Node itself takes the first line for a comment.
  const text = content.startsWith("#!") ? `//${content}` : content;
  const code = kept.code(filename, digest(text));
  if (code.data === undefined && mayImport(text, filename)) return compile.call(module, content, filename);
  const script = new vm.Script(Module.wrap(text), { filename, cachedData: code.data });
  if (code.data === undefined || script.cachedDataRejected) code.keep(script);
  const require = (id) => module.require(id);
  require.resolve = (id, options) => Module._resolveFilename(id, module, false, options);
  require.resolve.paths = (id) => Module._resolveLookupPaths(id, module);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  const parameters = [module.exports, require, module, filename, path.dirname(filename)];
  return script.runInThisContext().apply(module.exports, parameters);
}

/** What imports by a function needs Node's own loader. The TypeScript compiler, the longest script of all, only has the words in its messages. */
function mayImport(text, filename) {
  return /\bimport\s*\(/.test(text) && !/[\\/]typescript[\\/]lib[\\/]typescript\.js$/.test(filename);
}

/** A change that is made once the module has been loaded. */
function once(change) {
  return (module, load) => {
    const result = load();
    change(module.exports);
    return result;
  };
}

/** Puts in place of the module's exports what loads them when somebody looks into them. It says that it is an ES module, so that it is not copied. */
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
  module.exports = new Proxy(Object.create(null), {
    get: (_, key) => (key === "__esModule" ? true : exports()[key]),
    has: (_, key) => key in exports(),
    ownKeys: () => Reflect.ownKeys(exports()),
    getOwnPropertyDescriptor: (_, key) => ({ ...Reflect.getOwnPropertyDescriptor(exports(), key), configurable: true }),
  });
}

/** A process in which the debugger is on runs slower. It tells of the scripts that there are already when it is switched on, so nothing is missed. */
function debuggerOnFirstUse(hooks) {
  const files = new Map();
  let session;
  hooks.isInitializedAsync = async () => undefined;
  hooks.getScriptUrl = (id) => files.get(id);
  hooks.getSessionAsync = () => {
    session ??= (async () => {
      const { Session } = await import("node:inspector");
      const opened = new Session();
      opened.connect();
      opened.on("Debugger.scriptParsed", ({ params }) => files.set(params.scriptId, params.url));
      await new Promise((resolve, reject) =>
        opened.post("Debugger.enable", (error) => (error ? reject(error) : resolve())),
      );
      return opened;
    })();
    return session;
  };
}

/** Each of the SDK's promises has one, which is shown with PULUMI_DEBUG_PROMISE_LEAKS only. */
function withoutStackTraces(debuggable) {
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  const { debuggablePromise } = debuggable;
  debuggable.debuggablePromise = (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
  };
}

function withoutPositions({ Resource }) {
  Resource.stackTrace = () => [];
}

/** They go one after the other, and hold up the program's end. */
function withoutDebugMessages(log) {
  if (!process.env.BALLAST_DEBUG) log.debug = () => Promise.resolve();
}

function withoutColours(error) {
  const { defaultErrorMessage } = error;
  error.defaultErrorMessage = (thrown) => (thrown?.stack ? inspect(thrown) : defaultErrorMessage(thrown));
}

if (process.env.BALLAST_PROGRAM_TYPESCRIPT === "true") {
  delete process.env.BALLAST_PROGRAM_TYPESCRIPT;
  const toJavaScript = transpiler(kept, createRequire(runner));
  const load = (module, filename) => compile.call(module, toJavaScript(filename), filename);
  for (const extension of [".ts", ".tsx", ".cts"]) Module._extensions[extension] = load;
}

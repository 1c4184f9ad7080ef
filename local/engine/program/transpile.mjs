import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { digest } from "./kept.mjs";

/**
 * A function that gives the JavaScript of a TypeScript file, as the SDK's ts-node makes it of one file at a time; errors in the syntax are thrown as
 * it throws them. Stack traces name the TypeScript.
 * @param {import("./kept.mjs").Kept} kept
 * @param {NodeRequire} fromRunner
 */
export function transpiler(kept, fromRunner) {
  const configFile = path.resolve(process.env.PULUMI_NODEJS_TSCONFIG_PATH || "tsconfig.json");
  const config = existsSync(configFile) ? readFileSync(configFile, "utf8") : "";
  // What is inherited from another file may change without this one's changing.
  const mayKeep = !config.includes('"extends"');
  const outputs = new Map();
  let compiler;

  function transpile(text, filename) {
    compiler ??= loadCompiler(configFile, fromRunner);
    const { typescript, compilerOptions } = compiler;
    const options = { fileName: filename, compilerOptions, reportDiagnostics: true };
    const { outputText, diagnostics = [] } = typescript.transpileModule(text, options);
    if (diagnostics.length === 0) return outputText;
    const host = {
      getCurrentDirectory: () => process.cwd(),
      getCanonicalFileName: (name) => name,
      getNewLine: () => "\n",
    };
    throw new SyntaxError(typescript.formatDiagnostics(diagnostics, host));
  }

  return (filename) => {
    if (outputs.size === 0) {
      fromRunner("source-map-support").install({
        environment: "node",
        retrieveFile: (name) => outputs.get(name) ?? null,
      });
    }
    const text = readFileSync(filename, "utf8");
    const output = mayKeep
      ? kept.javaScript(filename, digest(config, text), () => transpile(text, filename))
      : transpile(text, filename);
    outputs.set(filename, output);
    return output;
  };
}

function loadCompiler(configFile, fromRunner) {
  let typescript;
  try {
    typescript = createRequire(path.join(process.cwd(), "index.js"))("typescript");
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
  const { sys } = typescript;
  const { options } = typescript.parseJsonConfigFileContent(json, sys, path.dirname(configFile), undefined, configFile);
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

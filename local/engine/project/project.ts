import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { YamlFile, isRecord, kindOf } from "./document";

export type ConfigType = "string" | "integer" | "boolean" | "object" | "array";

/** The type of a list's items, when the project declares one. */
export interface ItemsType {
  readonly type: ConfigType;
  readonly items?: ItemsType;
}

/** One key of `config` in Pulumi.yaml. */
export interface ConfigDeclaration {
  /** As written, without the project's name where it was left off. */
  readonly key: string;
  readonly type?: ConfigType;
  readonly items?: ItemsType;
  /** Used when the stack gives no value. Integers are bigint. */
  readonly default?: unknown;
  /** The stack's value must be encrypted. */
  readonly secret: boolean;
  /** `file:line`, for errors. */
  readonly place: string;
}

/** What Pulumi.yaml says. Paths are absolute. */
export interface Project {
  readonly root: string;
  readonly file: string;
  readonly name: string;
  readonly runtime: {
    readonly name: string;
    /** @default typescript true, no nodeargs */
    readonly options: {
      readonly typescript: boolean;
      readonly nodeargs: readonly string[];
      readonly tsconfig?: string;
    };
  };
  /** Folder in which the program runs. */
  readonly pwd: string;
  /** What is run, relative to `pwd`. @default "." */
  readonly main: string;
  readonly stackConfigDir: string;
  readonly backendUrl?: string;
  /** By full key, `namespace:name`. */
  readonly config: ReadonlyMap<string, ConfigDeclaration>;
}

const FILE_NAMES = ["Pulumi.yaml", "Pulumi.yml"];

/**
 * Loads the project in `folder`, or in the nearest folder above it that has one.
 * @throws an error with file, line, key and fix
 */
export async function loadProject(folder = process.cwd()): Promise<Project> {
  const yaml = await findProjectFile(resolve(folder));
  const { file } = yaml;
  const content = yaml.content;
  if (!isRecord(content)) throw new Error(`${file} must be a map with at least \`name\` and \`runtime\``);
  const root = dirname(file);
  const text = (key: string): string | undefined => optionalText(yaml, content[key], key);
  const name = text("name");
  if (!name) throw new Error(`${yaml.at("name")}: \`name\` is missing: the project's name, such as \`name: ballast\``);
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
    throw new Error(
      `${yaml.at("name")}: \`name\` is ${JSON.stringify(name)}; it may hold only letters, digits, hyphens, underscores and periods`,
    );
  }
  const backendUrl = backendOf(yaml, content["backend"]);
  // `config: folder` is how `stackConfigDir` was written before.
  const oldConfigDir = typeof content["config"] === "string" ? content["config"] : undefined;
  return {
    root,
    file,
    name,
    runtime: runtimeOf(yaml, content["runtime"]),
    ...(await programOf(yaml, root, text("main"))),
    stackConfigDir: resolve(root, text("stackConfigDir") ?? oldConfigDir ?? "."),
    ...(backendUrl === undefined ? {} : { backendUrl }),
    config: oldConfigDir === undefined ? declarationsOf(yaml, name, content["config"]) : new Map(),
  };
}

/**
 * The folder whose `.pulumi` holds the state: `PULUMI_BACKEND_URL`, else `backend.url` of the project, else the project's own folder.
 * @throws an error for a backend that is no folder: those need the CLI
 */
export function backendRoot(project: Project, env: NodeJS.ProcessEnv = process.env): string {
  const fromEnvironment = env["PULUMI_BACKEND_URL"];
  const url = fromEnvironment || project.backendUrl;
  if (!url) return project.root;
  const origin = fromEnvironment ? "PULUMI_BACKEND_URL" : `${project.file}: \`backend.url\``;
  if (!url.startsWith("file://")) {
    throw new Error(
      `${origin} is ${JSON.stringify(withoutCredentials(url))}; the embedded engine keeps state in folders only (file://FOLDER). ` +
        `Use the Pulumi CLI for this backend, or unset it`,
    );
  }
  const path = (url.slice("file://".length).split("?")[0] ?? "").replace(/^~(?=\/|$)/, homedir());
  return resolve(project.root, path);
}

/** `namespace:name`, the project's name being the namespace that is left off. `undefined` when it is no key. */
export function fullKey(project: string, key: string): string | undefined {
  const parts = key.split(":");
  if (parts.some((part) => part === "")) return undefined;
  if (parts.length === 1) return `${project}:${key}`;
  if (parts.length === 2) return key;
  return parts.length === 3 && parts[1] === "config" ? `${parts[0]}:${parts[2]}` : undefined;
}

async function findProjectFile(start: string): Promise<YamlFile> {
  for (let folder = start; ; folder = dirname(folder)) {
    for (const name of FILE_NAMES) {
      const yaml = await YamlFile.load(join(folder, name));
      if (yaml) return yaml;
    }
    if (folder === dirname(folder)) break;
  }
  throw new Error(`no Pulumi.yaml in ${start} or above it: run this in a project's folder, or name it with --cwd`);
}

function optionalText(yaml: YamlFile, value: unknown, ...path: string[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new Error(`${yaml.at(...path)}: \`${path.join(".")}\` must be a string, but is ${kindOf(value)}`);
}

function backendOf(yaml: YamlFile, backend: unknown): string | undefined {
  if (backend === undefined || backend === null) return undefined;
  if (!isRecord(backend)) throw new Error(`${yaml.at("backend")}: \`backend\` must be a map with \`url\``);
  return optionalText(yaml, backend["url"], "backend", "url");
}

function runtimeOf(yaml: YamlFile, runtime: unknown): Project["runtime"] {
  const long = isRecord(runtime) ? runtime : { name: runtime };
  const name = optionalText(yaml, long["name"], "runtime");
  if (name !== "nodejs") {
    throw new Error(
      `${yaml.at("runtime")}: \`runtime\` is ${name === undefined ? "missing" : JSON.stringify(name)}; the embedded engine runs ` +
        `"nodejs" programs. Use the Pulumi CLI for others`,
    );
  }
  const options = long["options"] ?? {};
  if (!isRecord(options)) throw new Error(`${yaml.at("runtime", "options")}: \`runtime.options\` must be a map`);
  const typescript = options["typescript"] ?? true;
  if (typeof typescript !== "boolean") {
    throw new Error(
      `${yaml.at("runtime", "options", "typescript")}: \`typescript\` must be true or false, but is ${kindOf(typescript)}`,
    );
  }
  const nodeargs = optionalText(yaml, options["nodeargs"], "runtime", "options", "nodeargs") ?? "";
  const tsconfig = optionalText(yaml, options["tsconfig"], "runtime", "options", "tsconfig");
  return {
    name,
    options: {
      typescript,
      nodeargs: nodeargs.split(" ").filter(Boolean),
      ...(tsconfig === undefined ? {} : { tsconfig: resolve(dirname(yaml.file), tsconfig) }),
    },
  };
}

async function programOf(yaml: YamlFile, root: string, main = "."): Promise<{ pwd: string; main: string }> {
  const path = resolve(root, main);
  const inside = relative(root, path);
  if (isAbsolute(main) || inside.startsWith("..")) {
    throw new Error(`${yaml.at("main")}: \`main\` is ${JSON.stringify(main)}; it must lie inside ${root}`);
  }
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`${yaml.at("main")}: \`main\` is ${JSON.stringify(main)}, but ${path} does not exist`);
  return found.isDirectory() ? { pwd: path, main: "." } : { pwd: dirname(path), main: basename(path) };
}

const TYPES = new Set<string>(["string", "integer", "boolean", "object", "array"] satisfies ConfigType[]);

function declarationsOf(yaml: YamlFile, project: string, config: unknown): Map<string, ConfigDeclaration> {
  const declarations = new Map<string, ConfigDeclaration>();
  if (config === undefined || config === null) return declarations;
  if (!isRecord(config)) throw new Error(`${yaml.at("config")}: \`config\` must be a map, but is ${kindOf(config)}`);
  for (const [key, value] of Object.entries(config)) {
    const place = yaml.at("config", key);
    const full = fullKey(project, key);
    if (full === undefined) {
      throw new Error(
        `${place}: ${JSON.stringify(key)} is not a configuration key; write \`name\` or \`namespace:name\``,
      );
    }
    declarations.set(full, declarationOf(key, value, place));
  }
  return declarations;
}

function declarationOf(key: string, value: unknown, place: string): ConfigDeclaration {
  // The short form gives the value itself.
  if (!isRecord(value)) return { key, default: value, secret: false, place };
  const { type, items, secret } = value;
  if (secret !== undefined && typeof secret !== "boolean") {
    throw new Error(`${place}: \`secret\` of ${key} must be true or false, but is ${kindOf(secret)}`);
  }
  const fallback = value["default"] ?? value["value"];
  return {
    key,
    ...(type === undefined ? {} : { type: configType(type, key, place) }),
    ...(items === undefined ? {} : { items: itemsType(items, key, place) }),
    ...(fallback === undefined || fallback === null ? {} : { default: fallback }),
    secret: secret ?? false,
    place,
  };
}

function configType(type: unknown, key: string, place: string): ConfigType {
  if (typeof type === "string" && TYPES.has(type)) return type as ConfigType;
  throw new Error(
    `${place}: \`type\` of ${key} is ${JSON.stringify(type)}; it must be one of ${[...TYPES].join(", ")}`,
  );
}

function itemsType(items: unknown, key: string, place: string): ItemsType {
  if (!isRecord(items)) throw new Error(`${place}: \`items\` of ${key} must be a map with \`type\``);
  const nested = items["items"];
  return {
    type: configType(items["type"], key, place),
    ...(nested === undefined ? {} : { items: itemsType(nested, key, place) }),
  };
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//****@");
}

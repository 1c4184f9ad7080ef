import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments, stringify } from "yaml";

import { ProviderError } from "../../provider";
import { hasUnknown, type PropertyMap, type PropertyValue } from "../../values";
import { builtinNamespaced } from "./kinds";
import { at, isJsonMap, text, type Json, type JsonMap } from "./object";

const run = promisify(execFile);
const MAX_OUTPUT = 64 << 20;

/** The provider's functions; all of them turn files or text into objects and need no cluster. */
export async function invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
  if (hasUnknown(args)) throw new ProviderError(`${token}: its arguments are not known yet`);
  switch (token) {
    case "kubernetes:yaml:decode":
      return { result: decode(stringArg(token, args, "text"), args["defaultNamespace"]) };
    case "kubernetes:kustomize:directory":
      return { result: decode(await kustomize(stringArg(token, args, "directory")), undefined) };
    case "kubernetes:helm:template":
      return { result: await helmTemplate(stringArg(token, args, "jsonOpts")) };
    default:
      throw new ProviderError(
        `the kubernetes provider of the embedded engine has no function ${token}; use the Pulumi CLI`,
      );
  }
}

function stringArg(token: string, args: PropertyMap, key: string): string {
  const value = args[key];
  if (typeof value !== "string") throw new ProviderError(`${token}: ${key} must be text`);
  return value;
}

/** Every object of a text with YAML documents, lists taken apart. */
export function decode(source: string, defaultNamespace: PropertyValue | undefined): Json[] {
  const documents = parseAllDocuments(source);
  const objects: Json[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const problem = document.errors[0];
    if (problem !== undefined) throw new ProviderError(`YAML is not valid: ${problem.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    if (value === null || value === undefined) continue;
    if (!isJsonMap(value))
      throw new ProviderError(`YAML document is no Kubernetes object: ${JSON.stringify(value).slice(0, 80)}`);
    const items = at(value, "items");
    if (text(value, "kind").endsWith("List") && Array.isArray(items)) objects.push(...items);
    else objects.push(value);
  }
  return typeof defaultNamespace === "string" && defaultNamespace !== ""
    ? objects.map((object) => inNamespace(object, defaultNamespace))
    : objects;
}

function inNamespace(object: Json, namespace: string): Json {
  if (!isJsonMap(object) || builtinNamespaced(text(object, "apiVersion"), text(object, "kind")) === false)
    return object;
  const metadata: JsonMap = isJsonMap(object["metadata"]) ? object["metadata"] : {};
  return { ...object, metadata: { namespace, ...metadata } };
}

async function kustomize(directory: string): Promise<string> {
  try {
    return (await run("kubectl", ["kustomize", directory], { maxBuffer: MAX_OUTPUT })).stdout;
  } catch (error) {
    throw toolError(error, "kubectl", `kustomize directory ${directory}`);
  }
}

function toolError(error: unknown, tool: string, what: string): ProviderError {
  const { code, stderr } = error as { code?: string | number; stderr?: string };
  if (code === "ENOENT")
    return new ProviderError(`${what} needs \`${tool}\` on PATH; install it, or use the Pulumi CLI`);
  return new ProviderError(`${what}: ${tool} failed (${code ?? "killed"}): ${(stderr ?? "").trim()}`);
}

/** `helm template` of a chart on disk, or of one that helm itself can fetch. */
async function helmTemplate(jsonOpts: string): Promise<Json[]> {
  let options: unknown;
  try {
    options = JSON.parse(jsonOpts);
  } catch {
    throw new ProviderError("kubernetes:helm:template: jsonOpts is not valid JSON");
  }
  if (!isJsonMap(options)) throw new ProviderError("kubernetes:helm:template: jsonOpts must be a map");
  const chart = text(options, "path") || text(options, "chart");
  const scratch = await mkdtemp(join(tmpdir(), "ballast-helm-"));
  try {
    // By a file and not by arguments: values may hold secrets.
    const values = join(scratch, "values.yaml");
    await writeFile(values, stringify(options["values"] ?? {}), { mode: 0o600 });
    const given: (readonly [string, string])[] = [
      ["--namespace", text(options, "namespace")],
      ["--version", text(options, "version")],
      ["--repo", text(options, "fetch_opts", "repo")],
      ["--kube-version", text(options, "kube_version")],
    ];
    const versions = Array.isArray(options["api_versions"]) ? options["api_versions"].map(String) : [];
    const repository = text(options, "repo");
    const name = repository !== "" && text(options, "path") === "" ? `${repository}/${chart}` : chart;
    const args = [
      "template",
      text(options, "release_name") || name.split("/").at(-1) || "release",
      name,
      "--values",
      values,
      ...given.flatMap(([flag, value]) => (value === "" ? [] : [flag, value])),
      ...versions.flatMap((version) => ["--api-versions", version]),
      ...(options["skip_crd_rendering"] === true || options["include_crds"] === false ? [] : ["--include-crds"]),
    ];
    const output = await run("helm", args, { maxBuffer: MAX_OUTPUT }).catch((error: unknown) => {
      throw toolError(error, "helm", `chart ${name}`);
    });
    const objects = decode(output.stdout, text(options, "namespace") || undefined);
    const withHooks = options["include_test_hook_resources"] === true;
    return objects.filter(
      (object) => withHooks || !/\btest/.test(text(object, "metadata", "annotations", "helm.sh/hook")),
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

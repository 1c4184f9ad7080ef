import { createHash } from "node:crypto";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { isJsonObject, type Json, type JsonObject, type SecretForm } from "./codec";
import { decodeOperation, decodeResource, encodeOperation, encodeResource } from "./resource";
import type { Operation, ResourceState, Snapshot } from "./store";

/** A deployment as it stands in a checkpoint or an export, its resources not decoded yet. */
export interface RawDeployment {
  /** `undefined` for a stack on which nothing has run yet. */
  readonly latest: JsonObject | undefined;
  /** What encrypts the secrets in it; `undefined` when it has no secrets provider. */
  readonly salt: string | undefined;
  /** Number of resources, for a look without decoding. */
  readonly count: number;
}

/** Recorded as the engine's version, as the CLI records its own. */
const ENGINE_VERSION = `v${sdkVersion}`;

/**
 * Reads a stack file.
 * @throws an error that names `file` and the way out
 */
export function parseCheckpoint(content: Buffer, file: string, backup: string): RawDeployment {
  let json: unknown;
  try {
    json = JSON.parse(content.toString("utf8"));
  } catch (error) {
    throw new Error(
      `${file} is not JSON (${(error as Error).message}). It may have been cut off or edited; the state before the last ` +
        `write is ${backup}: check it and copy it over ${file}`,
    );
  }
  if (!isJsonObject(json))
    throw new Error(`${file} does not hold a JSON object; the state before the last write is ${backup}`);
  const { version, checkpoint } = json;
  if (!isJsonObject(checkpoint ?? null)) {
    if (isJsonObject(json["latest"] ?? null)) throw unsupported(file, "an early format without a version");
    return parseDeployment(3, undefined, file);
  }
  const latest = (checkpoint as JsonObject)["latest"];
  // The CLI writes version 0 for a stack that it has only just made.
  if (version === 0 && !isJsonObject(latest ?? null)) return parseDeployment(3, undefined, file);
  checkFeatures(json["features"], file);
  return parseDeployment(version, latest, file);
}

/** Reads the `deployment` of an export, or the `latest` of a checkpoint. `place` is its file, for errors. */
export function parseDeployment(version: Json | undefined, deployment: Json | undefined, place: string): RawDeployment {
  if (version !== 3 && version !== 4) throw unsupported(place, `version ${JSON.stringify(version)}`);
  if (!isJsonObject(deployment ?? null)) return { latest: undefined, salt: undefined, count: 0 };
  const latest = deployment as JsonObject;
  for (const field of ["snippets", "extensions"]) {
    if (latest[field] !== undefined) checkFeatures([field], place);
  }
  return { latest, salt: saltOf(latest["secrets_providers"], place), count: list(latest["resources"], place).length };
}

/** @throws an error that names the resource and what is wrong with it */
export function decodeDeployment(raw: RawDeployment, secrets: SecretForm, place: string): Snapshot {
  const resources = list(raw.latest?.["resources"], place);
  const operations = list(raw.latest?.["pending_operations"], place);
  return {
    resources: resources.map((json, index) => decodeResource(json, secrets, `${place}: resource number ${index + 1}`)),
    pendingOperations: operations.map((json, index) =>
      decodeOperation(json, secrets, `${place}: pending operation number ${index + 1}`),
    ),
  };
}

export function encodeDeployment(
  resources: readonly ResourceState[],
  operations: readonly Operation[],
  salt: string | undefined,
  secrets: SecretForm,
  now: Date,
): JsonObject {
  return {
    ...frontMatter(salt, now),
    ...(resources.length > 0 ? { resources: resources.map((resource) => settled(resource, secrets)) } : {}),
    ...(operations.length > 0
      ? { pending_operations: operations.map((operation) => encodeOperation(operation, secrets)) }
      : {}),
    metadata: {},
  };
}

/** The text of a stack file, in pieces of one resource each so that no second copy of the whole is needed. */
export function checkpointText(
  qualifiedName: string,
  resources: readonly ResourceState[],
  operations: readonly Operation[],
  salt: string | undefined,
  secrets: SecretForm,
  now: Date,
): string[] {
  const front = JSON.stringify(frontMatter(salt, now)).slice(0, -1);
  const chunks = [`{"version":3,"checkpoint":{"stack":${JSON.stringify(qualifiedName)},"latest":${front}`];
  const section = (name: string, items: readonly (() => JsonObject)[]): void => {
    items.forEach((item, index) => chunks.push(`${index === 0 ? `,"${name}":[` : ","}${JSON.stringify(item())}`));
    if (items.length > 0) chunks.push("]");
  };
  section(
    "resources",
    resources.map((resource) => () => settled(resource, secrets)),
  );
  section(
    "pending_operations",
    operations.map((operation) => () => encodeOperation(operation, secrets)),
  );
  chunks.push(`,"metadata":{}}}}`);
  return chunks;
}

/** Without its aliases: whatever named it by one names it by its URN here, and the next program brings its own. */
function settled(resource: ResourceState, secrets: SecretForm): JsonObject {
  const { aliases: _aliases, ...json } = encodeResource(resource, secrets);
  return json;
}

export function hashOf(content: Buffer | readonly string[]): string {
  const hash = createHash("sha256");
  if (Buffer.isBuffer(content)) hash.update(content);
  else for (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}

function frontMatter(salt: string | undefined, now: Date): JsonObject {
  return {
    manifest: {
      time: now.toISOString(),
      magic: createHash("sha256").update(ENGINE_VERSION).digest("hex"),
      version: ENGINE_VERSION,
    },
    ...(salt === undefined ? {} : { secrets_providers: { type: "passphrase", state: { salt } } }),
  };
}

function saltOf(provider: Json | undefined, place: string): string | undefined {
  if (!isJsonObject(provider ?? null)) return undefined;
  const { type, state } = provider as JsonObject;
  if (type === undefined || type === "") return undefined;
  if (type !== "passphrase") {
    throw new Error(
      `${place} keeps its secrets with the provider ${JSON.stringify(type)}; the embedded engine has only "passphrase". ` +
        `Use the Pulumi CLI, or move the stack with \`pulumi stack change-secrets-provider passphrase\``,
    );
  }
  const salt = isJsonObject(state ?? null) ? (state as JsonObject)["salt"] : undefined;
  if (typeof salt !== "string") throw new Error(`${place}: secrets_providers.state.salt is missing`);
  return salt;
}

function checkFeatures(features: Json | undefined, place: string): void {
  if (!Array.isArray(features) || features.length === 0) return;
  throw new Error(
    `${place} uses features that the embedded engine does not have: ${features.map((feature) => JSON.stringify(feature)).join(", ")}. Use the Pulumi CLI for this stack`,
  );
}

function unsupported(place: string, what: string): Error {
  return new Error(
    `${place} is in ${what} of the state's format; the embedded engine reads 3. Use the Pulumi CLI to bring it up to date`,
  );
}

function list(value: Json | undefined, place: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${place}: resources and pending_operations must be lists`);
  return value;
}

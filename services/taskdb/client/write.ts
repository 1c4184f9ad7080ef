import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { openApiDocument } from "../api/document";

/** Writes the OpenAPI document, and the client's types, which come from it. */

const DOCUMENT = join(__dirname, "../openapi.json");
const TYPES = join(__dirname, "schema.ts");

/** By path, what each file that is committed has to be. */
export async function generated(): Promise<Record<string, string>> {
  const document = JSON.stringify(await openApiDocument());
  // It has ES modules only.
  const { astToString, COMMENT_HEADER, default: openapiTypes } = await import("openapi-typescript");
  const types = COMMENT_HEADER + astToString(await openapiTypes(document, { defaultNonNullable: false }));
  const texts = { [DOCUMENT]: document, [TYPES]: types };
  const files = Object.entries(texts).map(async ([path, text]) => {
    const options = await resolveConfig(path);
    return [path, await format(text, { ...options, filepath: path })] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

async function write(): Promise<void> {
  for (const [path, text] of Object.entries(await generated())) writeFileSync(path, text);
}

if (require.main === module) void write();

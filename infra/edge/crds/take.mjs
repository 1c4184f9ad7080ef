// Takes the Gateway API's definitions over from a release of it, one a line, without the descriptions and the versions that are no longer
// stored, which are nine tenths of them:
//   node infra/edge/crds/take.mjs "$(go mod download -json sigs.k8s.io/gateway-api@v1.4.0 | jq -r .Dir)/config/crd/standard"
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const [from] = process.argv.slice(2);
if (!from) throw new Error("name the folder of the release's definitions: node take.mjs FOLDER");

/** Whether `description` is a text about its node, or the name of a property that is itself described by a schema. */
function without(node) {
  if (Array.isArray(node)) return node.map(without);
  if (typeof node !== "object" || node === null) return node;
  const kept = Object.entries(node).filter(([key, value]) => key !== "description" || typeof value !== "string");
  return Object.fromEntries(kept.map(([key, value]) => [key, without(value)]));
}

const definitions = readdirSync(from)
  .filter((name) => name.endsWith(".yaml"))
  .map((file) => {
    const { metadata, spec } = parse(readFileSync(join(from, file), "utf8"));
    const versions = spec.versions.filter(({ storage }) => storage).map(without);
    return { name: metadata.name, annotations: metadata.annotations, spec: { ...spec, versions } };
  });
const lines = definitions.map((definition) => `${JSON.stringify(definition)}\n`);
writeFileSync(join(import.meta.dirname, "gateway-api.jsonl"), lines.join(""));

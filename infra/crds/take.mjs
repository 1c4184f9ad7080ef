// Takes custom kinds over from a release of what serves them, one a line, without the descriptions and the versions that are no longer
// stored, which are nine tenths of them:
//   node infra/crds/take.mjs SET FOLDER [PLURAL…]
//   node infra/crds/take.mjs gateway-api "$(go mod download -json sigs.k8s.io/gateway-api@v1.4.0 | jq -r .Dir)/config/crd/standard"
//   node infra/crds/take.mjs prometheus-operator "$(go mod download -json \
//     github.com/prometheus-operator/prometheus-operator@v0.85.0 | jq -r .Dir)/example/prometheus-operator-crd" servicemonitors prometheusrules
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const [set, from, ...wanted] = process.argv.slice(2);
if (!set || !from)
  throw new Error("name the set and the folder of the release's definitions: node take.mjs SET FOLDER [PLURAL…]");

/** Whether `description` is a text about its node, or the name of a property that is itself described by a schema. */
function without(node) {
  if (Array.isArray(node)) return node.map(without);
  if (typeof node !== "object" || node === null) return node;
  const kept = Object.entries(node).filter(([key, value]) => key !== "description" || typeof value !== "string");
  return Object.fromEntries(kept.map(([key, value]) => [key, without(value)]));
}

const definitions = readdirSync(from)
  .filter((name) => name.endsWith(".yaml"))
  .map((file) => parse(readFileSync(join(from, file), "utf8")))
  .filter(({ spec }) => wanted.length === 0 || wanted.includes(spec.names.plural))
  .map(({ metadata, spec }) => {
    const versions = spec.versions.filter(({ storage }) => storage).map(without);
    return { name: metadata.name, annotations: metadata.annotations, spec: { ...spec, versions } };
  });
const found = definitions.map(({ spec }) => spec.names.plural);
const lacking = wanted.filter((plural) => !found.includes(plural));
if (lacking.length > 0) throw new Error(`${from} defines no ${lacking.join(", ")}`);
const lines = definitions.map((definition) => `${JSON.stringify(definition)}\n`);
writeFileSync(join(import.meta.dirname, `${set}.jsonl`), lines.join(""));

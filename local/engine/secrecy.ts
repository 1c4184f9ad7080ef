import { hasSecret, isMap, type PropertyMap, type PropertyValue, revealSecrets, Secret } from "./values";

/** A map without secrets, for a provider. */
export function reveal(map: PropertyMap): PropertyMap {
  return hasSecret(map) ? (revealSecrets(map) as PropertyMap) : map;
}

/** `outputs` in which whatever was secret in `inputs` is secret too, key by key; a secret key of the inputs makes the whole output of that key secret. */
export function withSecretsOf(
  outputs: PropertyMap,
  inputs: PropertyMap,
  additional: readonly string[] = [],
): PropertyMap {
  if (additional.length === 0 && !hasSecret(inputs)) return outputs;
  const marked = mark(outputs, inputs);
  for (const key of additional) {
    const value = marked[key];
    if (value !== undefined && !(value instanceof Secret)) marked[key] = new Secret(value);
  }
  return marked;
}

function mark(outputs: PropertyMap, inputs: PropertyMap): PropertyMap {
  const marked: PropertyMap = { ...outputs };
  for (const [key, input] of Object.entries(inputs)) {
    const output: PropertyValue | undefined = marked[key];
    if (output === undefined || output instanceof Secret || !hasSecret(input)) continue;
    marked[key] = isMap(input) && isMap(output) ? mark(output, input) : new Secret(output);
  }
  return marked;
}

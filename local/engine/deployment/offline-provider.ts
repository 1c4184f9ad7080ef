import { type Provider, ProviderError } from "../provider";
import { changedPaths } from "../paths";

/** Stands in for a provider that the engine lacks, in offline previews: inputs are taken as they are, and outputs stay unknown. */
export const offlineProvider: Provider = {
  check: async ({ inputs }) => ({ inputs, failures: [] }),
  diff: async ({ oldInputs, newInputs }) => {
    const detailed = Object.fromEntries(changedPaths(oldInputs, newInputs));
    return { changed: Object.keys(detailed).length > 0, replaceKeys: [], detailed };
  },
  create: async ({ inputs }) => ({ id: "", outputs: inputs }),
  update: async ({ inputs }) => ({ outputs: inputs }),
  read: async ({ id, inputs, outputs }) => ({ id, inputs, outputs }),
  delete: async ({ type }) => {
    throw new ProviderError(`cannot delete a '${type}' in an offline preview`);
  },
  invoke: async (token) => {
    throw new ProviderError(
      `the function '${token}' needs a provider that the embedded engine lacks; install the Pulumi CLI and run with --engine pulumi`,
    );
  },
  close: async () => undefined,
};

/** A provider that in offline previews takes the types, too, which it could not serve for real. */
export function takingAll(provider: Provider, lacks: (type: string) => boolean): Provider {
  const serving = (type: string): Provider => (lacks(type) ? offlineProvider : provider);
  return {
    check: (request) => serving(request.type).check(request),
    diff: (request) => serving(request.type).diff(request),
    create: (request) => serving(request.type).create(request),
    update: (request) => serving(request.type).update(request),
    read: (request) => serving(request.type).read(request),
    delete: (request) => serving(request.type).delete(request),
    invoke: (token, args) => provider.invoke(token, args),
    close: () => provider.close(),
  };
}

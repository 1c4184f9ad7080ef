import type { ProviderFactory } from "../provider";

/** Loaded when a program first needs them, so that it waits for no other. */
const loaders: Readonly<Record<string, () => Promise<{ factory: ProviderFactory }>>> = {
  kubernetes: () => import("./kubernetes/index.js"),
  postgresql: () => import("./postgresql/index.js"),
  random: () => import("./random/index.js"),
};

export const providerNames: readonly string[] = Object.keys(loaders);

/** `undefined` for a package that the engine has no provider of. */
export async function loadProvider(packageName: string): Promise<ProviderFactory | undefined> {
  const loader = Object.hasOwn(loaders, packageName) ? loaders[packageName] : undefined;
  return loader === undefined ? undefined : (await loader()).factory;
}

import { createRequire } from "node:module";

import type { ProviderFactory } from "../../provider";
import { hasUnknown } from "../../values";
import { takingAll } from "../../deployment/offline-provider";
import { isTool } from "./check";
import { Cluster } from "./cluster";
import { checkConfig, diffConfig, settingsOf } from "./config";
import { KubernetesProvider } from "./provider";

const sdk = createRequire(__filename)("@pulumi/kubernetes/package.json") as { version: string };

/** The `kubernetes` package: every kind that the cluster serves, by server-side apply. */
export const factory: ProviderFactory = {
  name: "kubernetes",
  version: sdk.version.replace(/^v/, ""),
  checkConfig,
  diffConfig,
  create: async (inputs, context) => {
    const settings = settingsOf(inputs);
    const provider = new KubernetesProvider(new Cluster(settings, context, !hasUnknown(inputs)), settings);
    return context.offline ? takingAll(provider, isTool) : provider;
  },
};

import { offlineProvider } from "./deployment/offline-provider";
import type { FactoryLoader } from "./deployment/provider-table";
import { type Diagnostic, Recorder } from "./deployment/recorder";
import type { EngineEvent } from "./events";
import { defaultParallel, runPass } from "./pass";
import { PolicyRecord } from "./policy/record";
import { loadProject, loadStackSettings, resolveConfig, stacksWithSettings, unknownStack } from "./project";
import type { ProviderFactory } from "./provider";
import { loadProvider, providerNames } from "./providers";
import type { ResourceState } from "./state/store";
import { stackType } from "./urn";
import { type PropertyMap, UNKNOWN } from "./values";

export interface DeclareOptions {
  /** The project's folder, or one below it. @default the working directory */
  readonly projectDir?: string;
  readonly stack: string;
  readonly signal?: AbortSignal;
}

/** What a program asks for. */
export interface Declaration {
  readonly stack: string;
  readonly project: string;
  readonly result: "succeeded" | "failed" | "canceled";
  /** Components, providers and resources, without the stack itself, by URN. What only a deployment can tell is unknown. */
  readonly resources: readonly ResourceState[];
  readonly outputs: PropertyMap;
  readonly diagnostics: readonly Diagnostic[];
  /** For policy packs to be run on. */
  readonly policies: PolicyRecord;
}

/** Several programs may run at once, so each has less room than one that runs alone. Megabytes. */
const nursery = "--max-semi-space-size=16";

/** Automatic names come from here: the same program always declares the same names. */
const seed = Buffer.alloc(32);

/**
 * Runs the program of a stack as if nothing of it were there: with neither cluster, credentials, state nor passphrase. Secrets of its
 * configuration read `[secret]`. A failing program does not reject.
 * @throws an error when the project or the stack's file cannot be used
 */
export async function declare({ projectDir, stack, signal }: DeclareOptions): Promise<Declaration> {
  const project = await loadProject(projectDir);
  const settings = await loadStackSettings(project, stack);
  if (!settings.exists) throw unknownStack(project, stack, await stacksWithSettings(project));
  const config = await resolveConfig(project, settings, "blind");
  const { typescript, nodeargs, tsconfig } = project.runtime.options;
  const policies = new PolicyRecord();
  const made = new Map<string, ResourceState>();
  const recorder = new Recorder((event: EngineEvent) => {
    if (event.kind === "step-end" && event.step.new !== undefined && event.step.type !== stackType)
      made.set(event.step.urn, event.step.new);
  });
  const { result, outputs } = await runPass({
    program: {
      projectFolder: project.root,
      folder: project.pwd,
      entry: project.main,
      typescript,
      nodeArguments: [nursery, ...nodeargs],
      tsconfig,
      project: project.name,
      stack,
      organization: "organization",
      environment: {},
    },
    config,
    dryRun: true,
    parallel: defaultParallel(),
    offline: true,
    providers: { load: offlineFactory, names: providerNames },
    recorder,
    signal,
    seed,
    session: Promise.resolve({ base: { resources: [], pendingOperations: [] }, apply: async () => undefined }),
    policies: Promise.resolve([policies]),
  });
  const resources = [...made.values()].sort((a, b) => (a.urn < b.urn ? -1 : 1));
  return { stack, project: project.name, result, resources, outputs, diagnostics: recorder.diagnostics, policies };
}

/** The engine's providers, and that of references to other stacks, whose outputs nobody looks up here. */
export const offlineFactory: FactoryLoader = async (name) => (name === "pulumi" ? references : loadProvider(name));

const unchanged = async () => ({ changed: false, replaceKeys: [], detailed: {} });
const references: ProviderFactory = {
  name: "pulumi",
  version: "",
  checkConfig: async (inputs) => ({ inputs, failures: [] }),
  diffConfig: unchanged,
  create: async () => ({
    ...offlineProvider,
    read: async ({ id, inputs }) => ({
      id,
      inputs,
      outputs: { name: id, outputs: UNKNOWN, secretOutputNames: UNKNOWN },
    }),
  }),
};

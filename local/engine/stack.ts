import {
  type Project,
  backendRoot,
  loadProject,
  loadStackSettings,
  resolveConfig,
  type StackConfig,
  stacksWithSettings,
  type StackSettings,
  unknownStack,
} from "./project";
import type { FactoryLoader } from "./deployment/provider-table";
import { loadProvider, providerNames } from "./providers";
import { FileBackend, passphraseFromEnvironment, type PassphraseSource } from "./state";
import type { StackSession, UpdateKind } from "./state/store";
import { stackReferences } from "./stack-reference";

/** Which stack of which project, and how its secrets are opened. */
export interface StackOptions {
  /** The project's folder, or one below it. @default the working directory */
  readonly projectDir?: string;
  readonly stack: string;
  /** @default PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE */
  readonly passphrase?: PassphraseSource;
  /** Told what the user should know and is no error: a lock taken over, a killed run taken up. */
  readonly note?: (text: string) => void;
}

/** A stack found: its project, settings and state. */
export interface OpenedStack {
  readonly name: string;
  readonly project: Project;
  readonly settings: StackSettings;
  readonly backend: FileBackend;
  readonly passphrase: PassphraseSource;
}

/** @throws an error that names the file, key and fix, or lists the stacks that there are */
export async function findStack(options: StackOptions): Promise<OpenedStack> {
  const { stack: name, passphrase = () => passphraseFromEnvironment(), note } = options;
  const project = await loadProject(options.projectDir);
  const settings = await loadStackSettings(project, name);
  const backend = new FileBackend({ root: backendRoot(project), project: project.name, passphrase, note });
  if (!settings.exists && !(await backend.exists(name))) {
    const states = (await backend.listStacks()).map((stack) => stack.name);
    throw unknownStack(project, name, [...states, ...(await stacksWithSettings(project))]);
  }
  return { name, project, settings, backend, passphrase };
}

/** The providers of the stack's resources: those of the engine, and its own of references to other stacks of the same backend. */
export function providersOf(
  stack: OpenedStack,
  offline: boolean,
): { readonly load: FactoryLoader; readonly names: readonly string[] } {
  const builtin = stackReferences(stack, offline);
  return {
    load: async (name) => (name === builtin.name ? builtin : loadProvider(name)),
    names: providerNames,
  };
}

/** Decrypted; in an offline preview without a passphrase every secret reads `[secret]`. */
export async function configOf(stack: OpenedStack, offline: boolean): Promise<StackConfig> {
  const blind = offline && (await stack.passphrase()) === undefined;
  return resolveConfig(stack.project, stack.settings, blind ? "blind" : stack.passphrase);
}

/** Opens the stack for a change, and locks it. */
export function lockStack(
  stack: OpenedStack,
  kind: Exclude<UpdateKind, "preview">,
  config?: StackConfig,
): Promise<StackSession> {
  const { encryptionSalt } = stack.settings;
  return stack.backend.open(stack.name, {
    kind,
    ...(encryptionSalt === undefined ? {} : { configSalt: encryptionSalt }),
    ...(config === undefined ? {} : { history: { config: config.recorded } }),
  });
}

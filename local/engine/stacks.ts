import { backendRoot, loadProject } from "./project";
import { type ExportedState, FileBackend, type StackSummary } from "./state";
import { findStack, type StackOptions } from "./stack";
import type { PropertyMap } from "./values";

/** The stack's outputs; secrets stay wrapped unless `showSecrets`. */
export async function outputs(options: StackOptions & { readonly showSecrets?: boolean }): Promise<PropertyMap> {
  const { backend, name } = await findStack(options);
  return backend.stackOutputs(name, { showSecrets: options.showSecrets });
}

/** In the form of `pulumi stack export`. */
export async function exportState(options: StackOptions & { readonly showSecrets?: boolean }): Promise<ExportedState> {
  const { backend, name } = await findStack(options);
  return backend.exportState(name, { showSecrets: options.showSecrets });
}

/** Puts an exported state in place of the stack's. @throws when it is not this stack's or not whole, unless `force` */
export async function importState(
  options: StackOptions & { readonly state: unknown; readonly force?: boolean },
): Promise<void> {
  const { backend, name, settings } = await findStack(options);
  await backend.importState(name, options.state, { force: options.force, configSalt: settings.encryptionSalt });
}

/** Releases the stack's locks; resolves to whose they were. */
export async function cancel(options: StackOptions): Promise<string[]> {
  const { backend, name } = await findStack(options);
  return backend.cancel(name);
}

/** Forgets a stack. @throws when it still has resources, unless `force` */
export async function removeStack(options: StackOptions & { readonly force?: boolean }): Promise<void> {
  const { backend, name } = await findStack(options);
  await backend.removeStack(name, { force: options.force });
}

/** The stacks that have a state. */
export async function listStacks(projectDir?: string): Promise<StackSummary[]> {
  const project = await loadProject(projectDir);
  return new FileBackend({ root: backendRoot(project), project: project.name }).listStacks();
}

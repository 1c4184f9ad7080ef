import { FileBackend, localPassphrase, passphraseFromEnvironment } from "../local/engine/state";
import { backendRoot, loadProject, loadStackSettings, type Project } from "../local/engine/project";
import { root } from "./place";

/** Project and state of this checkout. With a stack, its passphrase is found as {@link passphraseFor} says. */
export async function openBackend(stack?: string): Promise<FileBackend> {
  const project = await loadProject(root);
  return backendOf(project, stack);
}

export async function backendOf(project: Project, stack?: string): Promise<FileBackend> {
  const embedded = stack !== undefined && (await usesEmbeddedCluster(project, stack));
  return new FileBackend({
    root: backendRoot(project),
    project: project.name,
    passphrase: passphraseFor(embedded),
    note: (text) => process.stderr.write(`${text}\n`),
  });
}

/** On the cluster of this machine nobody has to think of a passphrase: one is made once and kept in the user's configuration. */
export const passphraseFor = (embedded: boolean) => async (): Promise<string | undefined> =>
  (await passphraseFromEnvironment()) ?? (embedded ? localPassphrase() : undefined);

/** Whether the stack runs on the cluster that Ballast makes on this machine (`ballast:cluster` of its file). */
export async function usesEmbeddedCluster(project: Project, stack: string): Promise<boolean> {
  const settings = await loadStackSettings(project, stack);
  const cluster = settings.config.get("ballast:cluster")?.value;
  return typeof cluster === "object" && cluster !== null && "kind" in cluster && cluster["kind"] === "embedded";
}

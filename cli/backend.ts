import { FileBackend, localPassphrase, passphraseFromEnvironment, type PassphraseSource } from "../local/engine/state";
import { backendRoot, loadProject, loadStackSettings, type Project } from "../local/engine/project";
import { root } from "./place";

/** A stack of this checkout's project, as far as its own file tells. */
export interface StackPlace {
  readonly stack: string;
  readonly project: Project;
  /** Whether it runs on the cluster that Ballast makes on this machine (`ballast:cluster` of its file). */
  readonly embedded: boolean;
  /**
   * The environment's; on the cluster of this machine nobody has to think of a passphrase: one is made once and kept in the user's
   * configuration.
   */
  readonly passphrase: PassphraseSource;
}

export async function findPlace(stack: string): Promise<StackPlace> {
  const project = await loadProject(root);
  const embedded = await usesEmbeddedCluster(project, stack);
  const passphrase = async () => (await passphraseFromEnvironment()) ?? (embedded ? localPassphrase() : undefined);
  return { stack, project, embedded, passphrase };
}

/** The state of this checkout's stacks. With a stack, its passphrase is found as {@link findPlace} says. */
export async function openBackend(stack?: string): Promise<FileBackend> {
  const place = stack === undefined ? { project: await loadProject(root) } : await findPlace(stack);
  return new FileBackend({
    root: backendRoot(place.project),
    project: place.project.name,
    note: (text) => process.stderr.write(`${text}\n`),
    ...("passphrase" in place ? { passphrase: place.passphrase } : {}),
  });
}

async function usesEmbeddedCluster(project: Project, stack: string): Promise<boolean> {
  const settings = await loadStackSettings(project, stack);
  const cluster = settings.config.get("ballast:cluster")?.value;
  return typeof cluster === "object" && cluster !== null && "kind" in cluster && cluster["kind"] === "embedded";
}

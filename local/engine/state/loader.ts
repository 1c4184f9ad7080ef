import { decodeDeployment, hashOf, parseCheckpoint, type RawDeployment } from "./checkpoint";
import type { SecretForm } from "./codec";
import type { Disk, Stamp } from "./disk";
import { inDependencyOrder } from "./integrity";
import { ForeignCheckpointError, recover, saltOfJournal, type Recovery } from "./journal";
import { SecretKeeper, blindSecrets } from "./keeper";
import { checkStackName, stackPaths, type StackPaths } from "./layout";
import { missingPassphrase, type PassphraseSource } from "./passphrase";
import { Crypter } from "./secrets";
import type { Snapshot } from "./store";

/** What opens and closes a stack's secrets, and the salt that it goes by. */
export interface Sealing {
  readonly secrets: SecretForm;
  readonly salt: string;
}

export interface LoadedStack extends Sealing {
  readonly snapshot: Snapshot;
  /** Of the checkpoint; both `undefined` when there is none. */
  readonly hash: string | undefined;
  readonly stamp: Stamp | undefined;
  /** What a journal makes of the snapshot, when there is one that says anything. */
  readonly recovery: Recovery | undefined;
}

/** Reads stacks: checkpoint, journal and secrets. Writes nothing and takes no lock. */
export class StackLoader {
  constructor(
    private readonly disk: Disk,
    private readonly root: string,
    private readonly project: string,
    private readonly passphrase: PassphraseSource,
  ) {}

  paths(stack: string): StackPaths {
    checkStackName(stack);
    return stackPaths(this.root, this.project, stack);
  }

  async readRaw(paths: StackPaths): Promise<{ raw: RawDeployment; content?: Buffer; stamp?: Stamp }> {
    // The stamp first: should the file change in between, it is the stamp that is out of date, and that is noticed.
    const stamp = await this.disk.stamp(paths.checkpoint);
    const content = await this.disk.read(paths.checkpoint);
    if (content === undefined) {
      if ((await this.disk.stamp(`${paths.checkpoint}.gz`)) || (await this.disk.stamp(`${paths.checkpoint}.zst`))) {
        throw new Error(
          `the state of this stack is compressed (beside ${paths.checkpoint}), which the embedded engine does not read: write ` +
            `it once with the Pulumi CLI and PULUMI_DIY_BACKEND_GZIP=false`,
        );
      }
      return { raw: { latest: undefined, salt: undefined, count: 0 } };
    }
    return { raw: parseCheckpoint(content, paths.checkpoint, paths.backup), content, ...(stamp ? { stamp } : {}) };
  }

  /** The stack, its secrets opened with what `form` gives for its salt. */
  async load(stack: string, form: (salt: string | undefined) => Promise<Sealing>): Promise<LoadedStack> {
    const paths = this.paths(stack);
    const { raw, content, stamp } = await this.readRaw(paths);
    const journal = await this.disk.read(paths.journal);
    const { secrets, salt } = await form(raw.salt ?? (journal && saltOfJournal(journal)));
    const snapshot = decodeDeployment(raw, secrets, paths.checkpoint);
    inDependencyOrder(snapshot.resources);
    const hash = content && hashOf(content);
    const files = { journal: paths.journal, checkpoint: paths.checkpoint };
    try {
      const recovery = journal && recover(journal, snapshot, hash ?? null, secrets, files);
      return { snapshot, secrets, salt, hash, stamp, recovery };
    } catch (error) {
      // A run under way may have written a checkpoint between the two reads.
      const changed = (await this.disk.stamp(paths.checkpoint)) !== stamp;
      if (changed && error instanceof ForeignCheckpointError) return this.load(stack, form);
      throw error;
    }
  }

  /** The stack for a look. With `blind` nothing is decrypted. */
  async loadNow(stack: string, blind: boolean): Promise<LoadedStack> {
    return this.load(stack, async (salt) =>
      // Without a salt there is nothing that was ever encrypted.
      blind || salt === undefined ? { secrets: blindSecrets, salt: salt ?? "" } : this.sealing(stack, salt),
    );
  }

  /** Under the given salt; without one, for a new stack, under a new one. */
  async sealing(stack: string, salt: string | undefined): Promise<Sealing> {
    const passphrase = await this.passphrase();
    if (passphrase === undefined) throw missingPassphrase(`the stack ${stack}`);
    const crypter =
      salt === undefined
        ? await Crypter.generate(passphrase)
        : await Crypter.open(passphrase, salt, `the stack ${stack}`);
    return { secrets: new SecretKeeper(crypter), salt: crypter.saltState };
  }
}

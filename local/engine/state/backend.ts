import { join } from "node:path";
import { rm } from "node:fs/promises";
import { checkpointText, decodeDeployment, encodeDeployment, parseDeployment } from "./checkpoint";
import { isJsonObject, type JsonObject } from "./codec";
import { realDisk, sweepTemporaries, type Disk } from "./disk";
import { backUp, type HistoryEntry } from "./history";
import { inDependencyOrder } from "./integrity";
import type { Recovery } from "./journal";
import { shownSecrets } from "./keeper";
import type { StackPaths } from "./layout";
import { StackLoader } from "./loader";
import { acquireLock, breakLocks } from "./lock";
import { ensureMeta } from "./meta";
import { Model } from "./model";
import { passphraseFromEnvironment, type PassphraseSource } from "./passphrase";
import { FileSession, foldJournal, type Clock } from "./session";
import type { Snapshot, StackSession, UpdateKind } from "./store";
import { revealSecrets, type PropertyMap } from "../values";

export interface BackendOptions {
  /** Folder that holds `.pulumi`. */
  readonly root: string;
  /** The project's name. */
  readonly project: string;
  /** @default PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE */
  readonly passphrase?: PassphraseSource;
  /** For things that the user should know and that are no errors: a lock taken over, a killed run taken up. */
  readonly note?: (text: string) => void;
  /** @default the real one */
  readonly disk?: Disk;
  /** @default the real one */
  readonly clock?: Clock;
}

export interface OpenOptions {
  readonly kind: Exclude<UpdateKind, "preview">;
  /** `encryptionsalt` of the stack's file: a new stack's state then has the same. */
  readonly configSalt?: string;
  /** What the stack's history records beside the outcome. */
  readonly history?: Pick<HistoryEntry, "message" | "environment" | "config">;
}

export interface StackSummary {
  readonly name: string;
  /** RFC 3339; absent when nothing has run on it. */
  readonly updated?: string;
  readonly resources: number;
}

/** What `pulumi stack export` prints. */
export interface ExportedState {
  readonly version: number;
  readonly deployment: JsonObject;
}

/** Stacks in the layout of Pulumi's own file backend. */
export class FileBackend {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly note: (text: string) => void;
  private readonly loader: StackLoader;

  constructor(private readonly options: BackendOptions) {
    this.disk = options.disk ?? realDisk;
    this.clock = options.clock ?? { now: () => performance.now() };
    this.note = options.note ?? (() => undefined);
    const passphrase = options.passphrase ?? (() => passphraseFromEnvironment());
    this.loader = new StackLoader(this.disk, options.root, options.project, passphrase);
  }

  /**
   * Opens and locks a stack, making it when it is new, and takes up what a killed run left.
   * @throws LockedError, WrongPassphraseError, and errors that name the file and the fix when it cannot be read
   */
  async open(stack: string, options: OpenOptions): Promise<StackSession> {
    const paths = this.paths(stack);
    await ensureMeta(this.disk, this.options.root);
    const lock = await acquireLock(this.disk, paths.locks, stack, this.note);
    try {
      await sweepTemporaries(this.disk, paths.checkpoint);
      const loaded = await this.loader.load(stack, (salt) => this.loader.sealing(stack, salt ?? options.configSalt));
      const parts = {
        disk: this.disk,
        clock: this.clock,
        paths,
        stack,
        lock,
        secrets: loaded.secrets,
        salt: loaded.salt,
        prunes: options.kind === "refresh",
        history: { ...options.history, kind: options.kind, startTime: new Date() },
      };
      if (!loaded.recovery?.length) {
        // Cut off before its first line was whole, a journal says nothing.
        if (loaded.recovery) await this.disk.remove(paths.journal);
        const model = new Model(loaded.snapshot, parts.prunes);
        return new FileSession({ ...parts, base: loaded.snapshot, model, stamp: loaded.stamp, hash: loaded.hash });
      }
      const folded = await foldJournal({ ...parts, model: loaded.recovery.model }, loaded.recovery.length);
      this.tellRecovery(stack, loaded.recovery);
      const base = snapshotOf(loaded.recovery.model);
      return new FileSession({ ...parts, base, model: new Model(base, parts.prunes), ...folded });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * The state as it is now, without a lock: what a preview compares with. Empty for a stack that is not there yet.
   * With `blind` no passphrase is needed, and every secret reads as `[secret]`.
   */
  async read(stack: string, options: { blind?: boolean } = {}): Promise<Snapshot> {
    const loaded = await this.loader.loadNow(stack, options.blind ?? false);
    return loaded.recovery ? snapshotOf(loaded.recovery.model) : loaded.snapshot;
  }

  /** Whether anything has been run, or initialised, under this name. */
  async exists(stack: string): Promise<boolean> {
    return (await this.disk.stamp(this.paths(stack).checkpoint)) !== undefined;
  }

  async listStacks(): Promise<StackSummary[]> {
    const folder = join(this.options.root, ".pulumi", "stacks", this.options.project);
    const names = (await this.disk.list(folder)).filter((name) => name.endsWith(".json") && !name.startsWith("."));
    return Promise.all(
      names.sort().map(async (file): Promise<StackSummary> => {
        const name = file.slice(0, -".json".length);
        const { raw } = await this.loader.readRaw(this.paths(name));
        const manifest = raw.latest?.["manifest"];
        const time = isJsonObject(manifest) ? manifest["time"] : undefined;
        return { name, resources: raw.count, ...(typeof time === "string" ? { updated: time } : {}) };
      }),
    );
  }

  /** Releases every lock of the stack. Resolves to whose they were; the runs that held them are not stopped. */
  async cancel(stack: string): Promise<string[]> {
    return breakLocks(this.disk, this.paths(stack).locks);
  }

  /** The outputs of the stack. Secrets stay wrapped and unopened, unless `showSecrets`. */
  async stackOutputs(stack: string, options: { showSecrets?: boolean } = {}): Promise<PropertyMap> {
    await this.mustExist(stack);
    const { resources } = await this.read(stack, { blind: !options.showSecrets });
    const root = resources.find(({ type, parent }) => type === "pulumi:pulumi:Stack" && !parent);
    const outputs = root?.outputs ?? {};
    return options.showSecrets ? (revealSecrets(outputs) as PropertyMap) : outputs;
  }

  async exportState(stack: string, options: { showSecrets?: boolean } = {}): Promise<ExportedState> {
    await this.mustExist(stack);
    const paths = this.paths(stack);
    const { raw } = await this.loader.readRaw(paths);
    const journal = await this.disk.stamp(paths.journal);
    if (!options.showSecrets && journal === undefined) return { version: 3, deployment: raw.latest ?? {} };
    const { snapshot, recovery, secrets, salt } = await this.loader.loadNow(stack, false);
    const { resources, pendingOperations } = recovery ? snapshotOf(recovery.model) : snapshot;
    const form = options.showSecrets ? shownSecrets : secrets;
    return { version: 3, deployment: encodeDeployment(resources, pendingOperations, salt, form, new Date()) };
  }

  /**
   * Puts an exported deployment, or the content of a file of history, backups or `.bak`, in place of the stack's state; what was there goes
   * to the stack's backups.
   * @throws an error naming the resource that is not this stack's, or the broken link; `force` lets both pass
   */
  async importState(
    stack: string,
    exported: unknown,
    options: { force?: boolean; configSalt?: string } = {},
  ): Promise<void> {
    const paths = this.paths(stack);
    if (!isJsonObject(exported)) throw new Error("what is imported must be an object with `version` and `deployment`");
    const checkpoint = exported["checkpoint"];
    const deployment = isJsonObject(checkpoint) ? checkpoint["latest"] : exported["deployment"];
    const raw = parseDeployment(exported["version"], deployment, "the deployment that is imported");
    if (!raw.latest) throw new Error("what is imported has no `deployment`, and is no state file either");
    await ensureMeta(this.disk, this.options.root);
    const lock = await acquireLock(this.disk, paths.locks, stack, this.note);
    try {
      const { secrets, salt } = await this.loader.sealing(stack, raw.salt ?? options.configSalt);
      const snapshot = decodeDeployment(raw, secrets, "the deployment that is imported");
      if (!options.force) this.mustBelong(stack, snapshot);
      const resources = options.force ? snapshot.resources : inDependencyOrder(snapshot.resources);
      const before = (await this.exists(stack)) ? await backUp(this.disk, paths, stack) : undefined;
      const text = checkpointText(
        paths.qualifiedName,
        resources,
        snapshot.pendingOperations,
        salt,
        secrets,
        new Date(),
      );
      const ready = async (): Promise<void> => {
        if (before !== undefined) await this.disk.keep(paths.checkpoint, paths.backup);
      };
      await this.disk.replace(paths.checkpoint, text, { ready });
      await this.disk.remove(paths.journal);
      if (before !== undefined) this.note(`the state of ${stack} before the import is kept in ${before}`);
    } finally {
      await lock.release();
    }
  }

  /** Forgets a stack. @throws an error when it still has resources, unless `force` */
  async removeStack(stack: string, options: { force?: boolean } = {}): Promise<void> {
    await this.mustExist(stack);
    const paths = this.paths(stack);
    const lock = await acquireLock(this.disk, paths.locks, stack, this.note);
    try {
      const { resources } = options.force ? { resources: [] } : await this.read(stack, { blind: true });
      const left = resources.filter(({ type }) => type !== "pulumi:pulumi:Stack");
      if (left.length > 0) {
        throw new Error(
          `refusing to remove the stack ${stack} because it still has ${left.length} resources: destroy them first, or use --force to ` +
            `leave them behind`,
        );
      }
      await this.disk.keep(paths.checkpoint, paths.backup);
      await this.disk.remove(paths.checkpoint);
      await this.disk.remove(paths.journal);
      await rm(paths.history, { recursive: true, force: true });
    } finally {
      await lock.release();
    }
  }

  private paths(stack: string): StackPaths {
    return this.loader.paths(stack);
  }

  private async mustExist(stack: string): Promise<void> {
    if (await this.exists(stack)) return;
    const names = (await this.listStacks()).map(({ name }) => name);
    const known = names.length > 0 ? `those that have one are ${names.join(", ")}` : "none has one yet";
    throw new Error(`the stack ${stack} of ${this.options.project} has no state under ${this.options.root}: ${known}`);
  }

  private mustBelong(stack: string, snapshot: Snapshot): void {
    const prefix = `urn:pulumi:${stack}::${this.options.project}::`;
    const foreign = snapshot.resources.find(({ urn }) => !urn.startsWith(prefix));
    if (!foreign) return;
    throw new Error(
      `the deployment that is imported has the resource ${foreign.urn}, which is not of the stack ${stack} of ` +
        `${this.options.project}; import it with --force if you are sure`,
    );
  }

  private tellRecovery(stack: string, { steps, torn }: Recovery): void {
    const cut = torn ? "; its last line was cut off, and had not been acknowledged" : "";
    this.note(`a run on ${stack} was killed: took up ${steps} changes from its journal${cut}`);
  }
}

function snapshotOf(model: Model): Snapshot {
  return { resources: [...model.arrange().resources], pendingOperations: model.operations };
}

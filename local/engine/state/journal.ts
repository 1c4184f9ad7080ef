import { createHash } from "node:crypto";
import { isJsonObject, type Json, type JsonObject, type SecretForm } from "./codec";
import type { Appender, Disk } from "./disk";
import { Model, type Step } from "./model";
import { decodeResource, encodeResource } from "./resource";
import type { OperationType, Snapshot } from "./store";

/*
 * The journal of a run: what happened since the stack's checkpoint was written, one line a step. Each line begins with a part
 * of its own hash, so that a line that was cut off is known for what it is. The first line names the checkpoint that the
 * journal extends; a line `mark` names a later checkpoint, from which everything is numbered anew.
 */

interface Header {
  readonly do: "start";
  readonly stack: string;
  /** Hash of the checkpoint file; `null` when there was none. */
  readonly extends: string | null;
  /** What the secrets in it are encrypted under: of a new stack nothing else tells. */
  readonly salt: string;
  readonly prunes: boolean;
}
/** A step that changes the state, with the steps before it that did not. */
export interface Entry {
  readonly kept: readonly number[];
  readonly step: Exclude<Step, { do: "keep" }>;
}

/** Appends to the journal so that many steps at once cost one write to disk. */
export class JournalWriter {
  private waiting: { text: string; done: () => void; failed: (error: Error) => void }[] = [];
  private flushing: Promise<void> | undefined;
  private failure: Error | undefined;

  private constructor(
    private readonly open: () => Promise<Appender>,
    private readonly secrets: SecretForm,
  ) {}

  private file: Appender | undefined;

  static create(disk: Disk, path: string, secrets: SecretForm, header: Omit<Header, "do">): JournalWriter {
    const journal = new JournalWriter(() => disk.create(path), secrets);
    // A failure stays with the writer, and whoever adds the next line hears of it.
    journal.append({ do: "start", ...header }).catch(() => undefined);
    return journal;
  }

  /** Goes on with a journal that ends at `length`. */
  static reopen(disk: Disk, path: string, length: number, secrets: SecretForm): JournalWriter {
    return new JournalWriter(() => disk.reopen(path, length), secrets);
  }

  /** Resolves when the entry is durable. The order of calls is the order of lines; resources are read at once. */
  add(entry: Entry): Promise<void> {
    const { step, kept } = entry;
    return this.append({
      ...(kept.length > 0 ? { kept: [...kept] } : {}),
      ...step,
      ...("resource" in step ? { resource: encodeResource(step.resource, this.secrets) } : {}),
    });
  }

  /** From here on numbers are those of a reader of `checkpoint`, which holds all that came before; `seen` by those numbers. */
  mark(checkpoint: string, kept: readonly number[], seen: readonly number[]): Promise<void> {
    return this.append({ do: "mark", checkpoint, kept, seen });
  }

  async close(): Promise<void> {
    await this.flushing;
    await this.file?.close();
  }

  private append(line: object): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    const json = JSON.stringify(line);
    return new Promise((done, failed) => {
      this.waiting.push({ text: `${check(json)} ${json}\n`, done, failed });
      this.flushing ??= this.flush();
    });
  }

  private async flush(): Promise<void> {
    // Let everything that is about to be said in this turn come along.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        if (this.failure) throw this.failure;
        this.file ??= await this.open();
        await this.file.write(batch.map(({ text }) => text).join(""));
        await this.file.sync();
        for (const { done } of batch) done();
      } catch (error) {
        // A line may be there in part, so nothing more may follow it.
        this.failure = error as Error;
        for (const { failed } of batch) failed(this.failure);
      }
    }
    this.flushing = undefined;
  }
}

/** A journal left by a run that was killed. */
export interface Recovery {
  readonly model: Model;
  /** Steps that the checkpoint did not have. */
  readonly steps: number;
  /** Bytes of whole lines; whatever follows was never acknowledged. */
  readonly length: number;
  readonly torn: boolean;
}

/** The salt that a journal was written with; `undefined` when not even that came to be on disk. */
export function saltOfJournal(content: Buffer): string | undefined {
  const [header] = wholeLines(content).lines;
  return typeof header?.["salt"] === "string" ? header["salt"] : undefined;
}

/** The checkpoint is not one that this journal extends. */
export class ForeignCheckpointError extends Error {
  constructor(file: string, checkpoint: string, urns: readonly string[]) {
    const shown = urns.slice(0, 20).map((urn) => `\n  ${urn}`);
    const more = urns.length > 20 ? `\n  … and ${urns.length - 20} more` : "";
    super(
      `${file} holds changes of a run that was killed, but ${checkpoint} is no longer the state that they were made to: ` +
        `another program, such as the Pulumi CLI, has written it since. They touched:${shown.join("") || "\n  (nothing)"}${more}\n` +
        `Run \`ballast refresh\` or \`pulumi refresh\` and check these resources after moving ${file} away; or put the earlier ` +
        `state back over ${checkpoint} and run again`,
    );
    this.name = "ForeignCheckpointError";
  }
}

/**
 * The state that `snapshot`, read from a checkpoint with the hash `checkpoint`, becomes with the journal `content`.
 * @throws {ForeignCheckpointError} when the journal extends another checkpoint
 * @throws an error when a line that is whole makes no sense
 */
export function recover(
  content: Buffer,
  snapshot: Snapshot,
  checkpoint: string | null,
  secrets: SecretForm,
  files: { journal: string; checkpoint: string },
): Recovery {
  const { lines, length } = wholeLines(content);
  const torn = length < content.length;
  const header = lines[0] as unknown as Header | undefined;
  if (header === undefined) return { model: new Model(snapshot, false), steps: 0, length: 0, torn };
  if (header.do !== "start")
    throw new Error(`${files.journal} does not begin as a journal does; delete it if it is not one`);

  let start = header.extends === checkpoint ? 0 : -1;
  lines.forEach((line, index) => {
    if (line["do"] === "mark" && line["checkpoint"] === checkpoint) start = index;
  });
  if (start < 0) throw new ForeignCheckpointError(files.journal, files.checkpoint, touched(lines));

  const model = new Model(snapshot, header.prunes);
  for (const old of numbers(lines[start]?.["seen"])) model.replay({ do: "keep", old });
  let steps = 0;
  lines.slice(start + 1).forEach((line, index) => {
    try {
      for (const old of numbers(line["kept"])) model.replay({ do: "keep", old });
      if (line["do"] === "mark") {
        model.renumber(model.arrange());
        return;
      }
      model.replay(decodeStep(line, secrets));
      steps++;
    } catch (error) {
      throw new Error(`${files.journal} line ${start + index + 2} cannot be replayed: ${(error as Error).message}`);
    }
  });
  return { model, steps, length, torn };
}

function decodeStep(line: JsonObject, secrets: SecretForm): Step {
  const { do: kind, resource, old, pending, type } = line;
  const ended = typeof pending === "number" ? { pending } : {};
  const state = resource === undefined ? undefined : decodeResource(resource, secrets, "its resource");
  if (kind === "begin" && state) return { do: kind, type: type as OperationType, resource: state };
  if (kind === "abandon" && typeof pending === "number") return { do: kind, pending };
  if (kind === "put" && state)
    return { do: kind, ...(typeof old === "number" ? { old } : {}), ...ended, resource: state };
  if (kind === "remove" && typeof old === "number") return { do: kind, old, ...ended };
  if (kind === "amend" && typeof old === "number" && state) return { do: kind, old, resource: state };
  throw new Error(`unknown step ${JSON.stringify(kind)}`);
}

/** The lines up to the first that is not whole. */
function wholeLines(content: Buffer): { lines: JsonObject[]; length: number } {
  const lines: JsonObject[] = [];
  let length = 0;
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, length)) {
    const json = parseLine(content.toString("utf8", length, end));
    if (!json) break;
    lines.push(json);
    length = end + 1;
  }
  return { lines, length };
}

const CHECK_LENGTH = 8;

function parseLine(text: string): JsonObject | undefined {
  const json = text.slice(CHECK_LENGTH + 1);
  if (text.length <= CHECK_LENGTH || text.slice(0, CHECK_LENGTH) !== check(json)) return undefined;
  const line: unknown = JSON.parse(json);
  return isJsonObject(line) ? line : undefined;
}

function check(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, CHECK_LENGTH);
}

function touched(lines: readonly JsonObject[]): string[] {
  const urns = lines.map(({ resource }) =>
    isJsonObject(resource ?? null) ? (resource as JsonObject)["urn"] : undefined,
  );
  return [...new Set(urns.filter((urn): urn is string => typeof urn === "string"))];
}

const numbers = (value: Json | undefined): number[] =>
  Array.isArray(value) ? value.filter((item): item is number => typeof item === "number") : [];

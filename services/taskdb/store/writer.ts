import type { EntityKind, Event, NewNote, ValidatedClaim } from "../domain";
import type { UpdateContext, WriteContext } from "./store";

/** The event that a write left: its payload is the row, and the answer. */
export interface Recorded {
  readonly event: Event;
  readonly replayed: boolean;
}

export type Values = Readonly<Record<string, unknown>>;

/** What a report claims, taken apart. */
export interface Claims {
  readonly texts: readonly string[];
  readonly tasks: readonly string[];
  readonly runs: readonly string[];
  readonly hashes: readonly string[];
}

/** How a backend carries out a write: the row, its event and its idempotency key at once or not at all. */
export interface Writer {
  create(kind: EntityKind, row: Values & { readonly id: string }, context: WriteContext): Promise<Recorded>;
  update(kind: EntityKind, id: string, change: Values, context: UpdateContext): Promise<Recorded>;
  deleteRun(id: string, context: UpdateContext): Promise<Recorded>;
  publish(
    report: { readonly id: string; readonly title: string },
    claims: Claims,
    context: WriteContext,
  ): Promise<Recorded>;
  archive(before: string): Promise<number>;
  addNote(note: NewNote & { readonly id: string; readonly task_id: string }, context: WriteContext): Promise<Recorded>;
}

const pattern = /^(?:(task_id|run_id):(.+)|(?:artifact_hash:)?sha256:(.+))$/;

export function takeApart(texts: readonly string[]): Claims {
  const parts = texts.map((text) => pattern.exec(text));
  const all = (kind: string) => [...new Set(parts.flatMap((part) => (part?.[1] === kind && part[2] ? [part[2]] : [])))];
  return {
    texts,
    tasks: all("task_id").sort(),
    runs: all("run_id").sort(),
    hashes: [...new Set(parts.flatMap((part) => part?.[3] ?? []))].sort(),
  };
}

/** `statuses` of the tasks and runs that are there, by their claim; `hashes` of which there is an artifact. */
export function validated(
  { texts }: Claims,
  statuses: ReadonlyMap<string, string>,
  hashes: ReadonlySet<string>,
): ValidatedClaim[] {
  return texts.map((claim) => {
    const hash = pattern.exec(claim)?.[3];
    const status = statuses.get(claim) ?? null;
    const there = status !== null || (hash !== undefined && hashes.has(hash));
    return { claim, result: there ? "pass" : "fail", status };
  });
}

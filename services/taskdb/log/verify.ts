import { type Kysely, sql } from "kysely";
import type { Schema } from "../store/schema";
import { readEvents } from "./events";
import { Batch, leafDigits, type LoggedEvent, origin } from "./leaf";

interface Seal {
  readonly batch: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly events: number;
  readonly digest: string;
  readonly leaves: string;
}

/** The first place at which log and seals do not fit. */
export interface Breach {
  readonly batch: number;
  /** Position in the log; null when it is the seal itself that does not fit. */
  readonly seq: number | null;
  /** In words. */
  readonly problem: string;
}

export interface Verification {
  /** Seals that were looked at, and events under them. */
  readonly batches: number;
  readonly events: number;
  /** Null when all fit. */
  readonly breach: Breach | null;
  /** The newest seal: noted elsewhere, it shows later that the whole chain was not made anew. */
  readonly head: { readonly batch: number; readonly digest: string } | null;
  /** Events after the last seal, which nothing vouches for yet. */
  readonly unsealed: { readonly events: number; readonly oldest: string | null };
}

export interface VerifyOptions {
  /**
   * Only seals after this one, whose own digest is taken as it stands.
   * @default from the first one
   */
  readonly afterBatch?: number;
  /** Digests of seals that were noted elsewhere, by batch. */
  readonly anchors?: ReadonlyMap<number, string>;
  /** Called now and then with the events that have been looked at. */
  readonly onProgress?: (events: number) => void;
}

const sealsAtOnce = 50;

/** Walks the log along its seals, in the memory of one batch's seal. What is sealed does not change, so it needs no snapshot. */
export async function verifySeals(
  db: Kysely<Schema>,
  { afterBatch = 0, anchors = new Map(), onProgress }: VerifyOptions = {},
): Promise<Verification> {
  const newest = await newestSeal(db);
  const start = afterBatch === 0 ? undefined : await oneSeal(db, afterBatch);
  let digest = start?.digest ?? origin;
  let position = start?.last_seq ?? 0;
  let batches = 0;
  let events = 0;
  let breach: Breach | null = null;
  const log = new Peekable(readEvents(db, { after: position, upTo: newest?.last_seq ?? 0 }));
  for await (const seal of readSeals(db, afterBatch, newest?.batch ?? 0)) {
    const expected = (start?.batch ?? 0) + batches + 1;
    if (seal.batch !== expected) breach = { batch: expected, seq: null, problem: `seal ${expected} is missing` };
    else breach = await check(seal, digest, position, log);
    breach ??= anchored(seal, anchors);
    if (breach) break;
    batches++;
    events += seal.events;
    onProgress?.(events);
    digest = seal.digest;
    position = seal.last_seq;
  }
  for (const [batch] of anchors) {
    if (batch > (newest?.batch ?? 0)) {
      breach ??= { batch, seq: null, problem: `seal ${batch}, noted elsewhere, is missing: the log was cut off` };
    }
  }
  return {
    batches,
    events,
    breach,
    head: newest ? { batch: newest.batch, digest: newest.digest } : null,
    unsealed: await tail(db, newest?.last_seq ?? 0),
  };
}

function anchored({ batch, digest }: Seal, anchors: ReadonlyMap<number, string>): Breach | null {
  const noted = anchors.get(batch);
  if (noted === undefined || noted === digest) return null;
  return { batch, seq: null, problem: `seal ${batch} is ${digest}, but ${noted} was noted elsewhere` };
}

/** Takes the seal's events from the log; those between the seal before and its first event belong to it, too: there were none. */
async function check(seal: Seal, before: string, after: number, log: Peekable): Promise<Breach | null> {
  const { batch: number, leaves } = seal;
  const kept = (index: number) => leaves.slice(index * leafDigits, (index + 1) * leafDigits) || undefined;
  const batch = new Batch(before);
  for (let event = await log.peek(); event && event.seq <= seal.last_seq; event = await log.peek()) {
    const index = batch.events;
    const digits = batch.add(event);
    await log.next();
    if (digits === kept(index)) {
      after = event.seq;
      continue;
    }
    const breach = (seq: number, problem: string): Breach => ({ batch: number, seq, problem });
    if (kept(index) === undefined) return breach(event.seq, `event ${event.seq} was put in: the seal has none here`);
    const following = await log.peek();
    const next = following && new Batch(before).add(following);
    const missing = places(leaves).indexOf(digits, index + 1) - index;
    if (missing > 0) {
      return breach(after + 1, `${counted(missing)} missing between ${after} and ${event.seq}`);
    }
    if (next === kept(index)) return breach(event.seq, `event ${event.seq} was put in: the seal has none here`);
    return breach(event.seq, `event ${event.seq} was changed`);
  }
  if (batch.events < seal.events) {
    return {
      batch: number,
      seq: after + 1,
      problem: `${counted(seal.events - batch.events)} missing between ${after} and the end of the batch at ${seal.last_seq}`,
    };
  }
  const found = batch.seal();
  const differs = (["first_seq", "last_seq", "events", "digest", "leaves"] as const).find(
    (column) => found[column] !== seal[column],
  );
  if (differs === undefined) return null;
  return { batch: number, seq: null, problem: `seal ${number} was changed: its ${differs} does not fit its events` };
}

const places = (leaves: string): string[] => leaves.match(new RegExp(`.{1,${leafDigits}}`, "g")) ?? [];
const counted = (events: number): string => (events === 1 ? "an event is" : `${events} events are`);

class Peekable {
  private head: LoggedEvent | undefined;
  constructor(private readonly rest: AsyncGenerator<LoggedEvent>) {}

  async peek(): Promise<LoggedEvent | undefined> {
    if (!this.head) {
      const read = await this.rest.next();
      if (read.done !== true) this.head = read.value;
    }
    return this.head;
  }

  async next(): Promise<void> {
    await this.peek();
    this.head = undefined;
  }
}

export async function newestSeal(db: Kysely<Schema>): Promise<Seal | undefined> {
  return db.selectFrom("event_seals").select(columns).orderBy("batch", "desc").limit(1).executeTakeFirst();
}

const oneSeal = (db: Kysely<Schema>, batch: number): Promise<Seal> =>
  db
    .selectFrom("event_seals")
    .select(columns)
    .where("batch", "=", batch)
    .executeTakeFirstOrThrow(() => new Error(`there is no seal ${batch}; leave it out to begin with the first one`));

/** In the order of the batches. */
export async function* readSeals(db: Kysely<Schema>, after: number, upTo: number): AsyncGenerator<Seal> {
  for (let last = after; ;) {
    const page = await db
      .selectFrom("event_seals")
      .select(columns)
      .where("batch", ">", last)
      .where("batch", "<=", upTo)
      .orderBy("batch")
      .limit(sealsAtOnce)
      .execute();
    yield* page;
    const end = page.at(-1);
    if (!end || page.length < sealsAtOnce) return;
    last = end.batch;
  }
}

const columns = ["batch", "first_seq", "last_seq", "events", "digest", "leaves"] as const;

async function tail(db: Kysely<Schema>, after: number): Promise<Verification["unsealed"]> {
  const { rows } = await sql<{ events: number; oldest: string | null }>`
    SELECT count(*) AS events, min(at) AS oldest FROM events_all WHERE seq > ${after}`.execute(db);
  return rows[0] ?? { events: 0, oldest: null };
}

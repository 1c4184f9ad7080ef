import { open } from "node:fs/promises";
import { z } from "zod";

/** What a report recorded of a claim. */
export interface RecordedClaim {
  readonly claim: Claim;
  /** The status at the snapshot as the report has it; undefined when it says nothing of it. */
  readonly status?: string | null;
}

export type ClaimKind = "task_id" | "run_id" | "artifact_hash";
export interface Claim {
  readonly kind: ClaimKind;
  /** A UUID, or 64 hexadecimal digits. */
  readonly value: string;
}

export interface Provenance {
  /** As the file has it. */
  readonly snapshot: string;
  readonly claims: readonly RecordedClaim[];
}

/** The file is not what is debugged here; its message names the file, the place, the value and what is right. */
export class BadProvenance extends Error {}

const mostBytes = 16 * 2 ** 20;
const mostClaims = 1000;
const version = 1;

export async function readProvenance(path: string): Promise<Provenance> {
  let text: string;
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > mostBytes) {
        throw new BadProvenance(`${path} has ${size} bytes; a provenance file has at most ${mostBytes}`);
      }
      text = await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof BadProvenance) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "is not there" : code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    throw new BadProvenance(`${path} ${reason}; give the path of a provenance file`, { cause: error });
  }
  return parseProvenance(text, path);
}

export function parseProvenance(text: string, path: string): Provenance {
  if (text.trim() === "") throw new BadProvenance(`${path} is empty; fetch the report again`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const cut = !/[}\]]\s*$/.test(text);
    throw new BadProvenance(
      `${path} is no JSON${cut ? ", or was cut off" : ""}: ${(error as Error).message}; fetch the report again`,
      { cause: error },
    );
  }
  const parsed = shape.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("") ?? "";
    const value = issue?.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | null)?.[key],
      document,
    );
    const shown = value === undefined ? "missing" : (JSON.stringify(value) ?? "").slice(0, 120);
    throw new BadProvenance(`${path}: ${place.replace(/^\./, "") || "the document"} is ${shown}: ${issue?.message}`);
  }
  const { verification_snapshot_ts: snapshot, claims_validated } = parsed.data;
  return { snapshot, claims: claims_validated };
}

const claimText = z
  .string({ error: "must be a text, as in task_id:<uuid>" })
  .transform((text, context): Claim => parseClaim(text) ?? (context.addIssue(complaint(text)), z.NEVER));

/** Undefined of a text that is no claim. */
export function parseClaim(text: string): Claim | undefined {
  const [, kind, id, hash] =
    /^(?:(task_id|run_id):\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?:artifact_hash:\s*)?sha256:([0-9a-f]{64}))$/i.exec(
      text,
    ) ?? [];
  if (hash !== undefined) return { kind: "artifact_hash", value: hash.toLowerCase() };
  return kind === undefined || id === undefined
    ? undefined
    : { kind: kind.toLowerCase() as ClaimKind, value: id.toLowerCase() };
}

function complaint(text: string): string {
  const [, kind] = /^(\w+):/.exec(text) ?? [];
  const forms = "task_id:<uuid>, run_id:<uuid> or artifact_hash:sha256:<64 hexadecimal digits>";
  return kind !== undefined && !["task_id", "run_id", "artifact_hash", "sha256"].includes(kind)
    ? `the kind of claim ${kind} is unknown; it must be ${forms}`
    : `it must be ${forms}`;
}

/** A report of the API, or what another tool wrote in this form; more fields may be there. */
const shape = z.looseObject(
  {
    version: z.literal(version, { error: `this release reads version ${version} only` }).optional(),
    verification_snapshot_ts: z
      .string({ error: "it must be a time, as in 2026-01-15T09:30:00.000000Z" })
      .refine((text) => normalTime(text) !== undefined, {
        error: "it must be a time, as in 2026-01-15T09:30:00.000000Z",
      }),
    claims_validated: z
      .array(
        z.looseObject(
          { claim: claimText, status: z.string({ error: "it must be a status or null" }).nullable().optional() },
          { error: 'it must be an object with a "claim"' },
        ),
        { error: 'it must be a list of objects, each with a "claim"' },
      )
      .max(mostClaims, { error: `it must have at most ${mostClaims} claims` }),
  },
  { error: "it must be an object with verification_snapshot_ts and claims_validated" },
);

/** UTC with six digits, as the database has it; undefined of what is no time with a zone. */
export function normalTime(text: string): string | undefined {
  const [, start, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const time = start === undefined || zone === undefined ? NaN : Date.parse(start + zone);
  if (Number.isNaN(time)) return undefined;
  return `${new Date(time).toISOString().slice(0, 19)}.${fraction.padEnd(6, "0")}Z`;
}

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/** PostgreSQL's own default. */
const ITERATIONS = 4096;
const VERIFIER = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (data: Buffer | string): Buffer => createHash("sha256").update(data).digest();

/**
 * What the server stores for `password` (RFC 5803). Made here, so that the clear text never crosses the wire nor stands in the
 * server's log, `pg_stat_activity` or `pg_stat_statements`. A value that is a verifier already (SCRAM or MD5) is taken as it is.
 */
export function passwordVerifier(password: string): string {
  if (isVerifier(password)) return password;
  return build(password, randomBytes(16), ITERATIONS);
}

function build(password: string, salt: Buffer, iterations: number): string {
  const salted = pbkdf2Sync(prepared(password), salt, iterations, 32, "sha256");
  const stored = sha256(hmac(salted, "Client Key")).toString("base64");
  const server = hmac(salted, "Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${server}`;
}

const isVerifier = (text: string): boolean => VERIFIER.test(text) || /^md5[0-9a-f]{32}$/.test(text);

/** Whether `stored`, from the server's catalogue, is of `password`. MD5 verifiers are salted with the role's name. */
export function matchesVerifier(password: string, stored: string, role: string): boolean {
  if (isVerifier(password)) return same(password, stored);
  if (stored.startsWith("md5")) {
    return same(
      stored,
      `md5${createHash("md5")
        .update(password + role)
        .digest("hex")}`,
    );
  }
  const parts = VERIFIER.exec(stored);
  if (!parts) return false;
  return same(stored, build(password, Buffer.from(parts[2] as string, "base64"), Number(parts[1])));
}

/** Compared by digest, so that neither length nor content shows in the time. */
const same = (left: string, right: string): boolean => timingSafeEqual(sha256(left), sha256(right));

/** SASLprep (RFC 4013) as PostgreSQL applies it: text with a prohibited character is used as it is. */
function prepared(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  const mapped = password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .normalize("NFKC");
  return mapped === "" || /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]/u.test(mapped) ? password : mapped;
}

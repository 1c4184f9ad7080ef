import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 8;
/** What the check part of a salt state encrypts. */
const CHECK_WORD = "pulumi";

/** The passphrase does not open this stack; the message names the stack and the fix. */
export class WrongPassphraseError extends Error {
  constructor(where: string) {
    super(
      `incorrect passphrase for ${where}, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set ` +
        `PULUMI_CONFIG_PASSPHRASE_FILE to a file containing the passphrase`,
    );
    this.name = "WrongPassphraseError";
  }
}

/** Encrypts and decrypts single values under one key: Pulumi's passphrase secrets provider. */
export class Crypter {
  private constructor(
    /** `v1:<salt>:v1:<nonce>:<data>`: what `encryptionsalt` and the state's `secrets_providers` hold. */
    readonly saltState: string,
    private readonly key: Buffer,
  ) {}

  /** A crypter with a new random salt. */
  static async generate(passphrase: string): Promise<Crypter> {
    const salt = randomBytes(SALT_BYTES);
    const key = await deriveKey(passphrase, salt);
    return new Crypter(`v1:${salt.toString("base64")}:${seal(key, CHECK_WORD)}`, key);
  }

  /**
   * The crypter of an existing salt state. `where` names its owner in errors: "stack dev".
   * @throws {WrongPassphraseError} when the check word does not decrypt
   */
  static async open(passphrase: string, saltState: string, where: string): Promise<Crypter> {
    const [version, salt, ...check] = saltState.split(":");
    if (version !== "v1" || !salt || check.length !== 3) {
      throw new Error(`the encryption salt of ${where} is malformed: expected v1:<salt>:v1:<nonce>:<data>`);
    }
    const key = await deriveKey(passphrase, Buffer.from(salt, "base64"));
    let word: string | undefined;
    try {
      word = unseal(key, check.join(":"));
    } catch {
      throw new WrongPassphraseError(where);
    }
    if (word !== CHECK_WORD) throw new WrongPassphraseError(where);
    return new Crypter(saltState, key);
  }

  encrypt(plaintext: string): string {
    return seal(this.key, plaintext);
  }

  /** @throws an error without any part of the value, when it was encrypted under another key or is damaged */
  decrypt(ciphertext: string): string {
    return unseal(this.key, ciphertext);
  }
}

const keys = new Map<string, Promise<Buffer>>();

/** Half a second of work in a thread, so once per process for each salt. */
function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  const name = `${salt.toString("base64")}:${passphrase}`;
  let key = keys.get(name);
  if (!key) {
    key = promisify(pbkdf2)(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256");
    keys.set(name, key);
  }
  return key;
}

function seal(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const data = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${data.toString("base64")}`;
}

function unseal(key: Buffer, ciphertext: string): string {
  const [version, nonceText, dataText, ...rest] = ciphertext.split(":");
  const nonce = Buffer.from(nonceText ?? "", "base64");
  const data = Buffer.from(dataText ?? "", "base64");
  if (version !== "v1" || rest.length > 0 || nonce.length !== NONCE_BYTES || data.length < TAG_BYTES) {
    throw new Error("malformed ciphertext: expected v1:<nonce>:<data>");
  }
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAuthTag(data.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
}

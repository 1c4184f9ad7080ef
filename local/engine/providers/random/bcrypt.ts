/**
 * The bcrypt password hash, for `RandomPassword.bcryptHash`. Blowfish starts from the binary digits of pi, which are computed rather than
 * listed. Some 100 ms a hash at cost 10.
 */

const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
const WORDS = SUBKEYS + 4 * 256;
const ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Longer input is cut, as every implementation does. */
const MAX_PASSWORD_BYTES = 72;

/** Hash of `password` in the form `$2a$<cost>$<salt><hash>`. */
export function bcrypt(password: string, salt: Buffer, cost = 10): string {
  if (salt.length !== 16) throw new RangeError(`a bcrypt salt has 16 bytes, not ${salt.length}`);
  if (!Number.isInteger(cost) || cost < 4 || cost > 31) throw new RangeError(`bcrypt cost ${cost} is not from 4 to 31`);
  const key = Buffer.concat([Buffer.from(password, "utf8"), Buffer.of(0)]).subarray(0, MAX_PASSWORD_BYTES);
  const state = new Blowfish();
  state.expand(key, salt);
  for (let round = 0; round < 2 ** cost; round += 1) {
    state.expand(key);
    state.expand(salt);
  }
  const text = Buffer.from("OrpheanBeholderScryDoubt", "ascii");
  for (let offset = 0; offset < text.length; offset += 8) {
    state.left = text.readInt32BE(offset);
    state.right = text.readInt32BE(offset + 4);
    for (let time = 0; time < 64; time += 1) state.encrypt();
    text.writeInt32BE(state.left, offset);
    text.writeInt32BE(state.right, offset + 4);
  }
  return `$2a$${String(cost).padStart(2, "0")}$${encode(salt)}${encode(text.subarray(0, 23))}`;
}

class Blowfish {
  /** The block that {@link encrypt} works on: fields, since an array would take twice the time. */
  left = 0;
  right = 0;
  private readonly words = new Int32Array(initialWords());

  /** Mixes `key`, and `salt` where given, into the state. */
  expand(key: Buffer, salt?: Buffer): void {
    const { words } = this;
    for (let index = 0, at = 0; index < SUBKEYS; index += 1) {
      let word = 0;
      for (let byte = 0; byte < 4; byte += 1, at = (at + 1) % key.length) word = (word << 8) | (key[at] as number);
      words[index] = (words[index] as number) ^ word;
    }
    this.left = 0;
    this.right = 0;
    for (let index = 0; index < WORDS; index += 2) {
      if (salt) {
        this.left ^= salt.readInt32BE((index * 4) % 16);
        this.right ^= salt.readInt32BE((index * 4 + 4) % 16);
      }
      this.encrypt();
      words[index] = this.left;
      words[index + 1] = this.right;
    }
  }

  encrypt(): void {
    const { words } = this;
    let left = this.left ^ (words[0] as number);
    let right = this.right;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const mixed =
        ((((words[SUBKEYS + (left >>> 24)] as number) + (words[SUBKEYS + 256 + ((left >>> 16) & 255)] as number)) ^
          (words[SUBKEYS + 512 + ((left >>> 8) & 255)] as number)) +
          (words[SUBKEYS + 768 + (left & 255)] as number)) |
        0;
      const next = right ^ mixed ^ (words[round] as number);
      right = left;
      left = next;
    }
    this.left = right ^ (words[SUBKEYS - 1] as number);
    this.right = left;
  }
}

let pi: Int32Array | undefined;

/** The fraction of pi in words of 32 bits, by Machin's formula. */
function initialWords(): Int32Array {
  if (pi) return pi;
  const guard = 64;
  const one = 1n << BigInt(WORDS * 32 + guard);
  const value = (16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one)) >> BigInt(guard);
  const fraction = value & ((1n << BigInt(WORDS * 32)) - 1n);
  const bytes = Buffer.from(fraction.toString(16).padStart(WORDS * 8, "0"), "hex");
  pi = Int32Array.from({ length: WORDS }, (_, index) => bytes.readInt32BE(index * 4));
  return pi;
}

function arctanOfInverse(inverse: bigint, one: bigint): bigint {
  const square = inverse * inverse;
  let power = one / inverse;
  let sum = power;
  for (let divisor = 3n, sign = -1n; power !== 0n; divisor += 2n, sign = -sign) {
    power /= square;
    sum += (sign * power) / divisor;
  }
  return sum;
}

/** bcrypt's own base 64: another alphabet, no padding. */
function encode(bytes: Buffer): string {
  const standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return bytes
    .toString("base64")
    .replace(/=+$/, "")
    .replace(/./g, (character) => ALPHABET[standard.indexOf(character)] as string);
}

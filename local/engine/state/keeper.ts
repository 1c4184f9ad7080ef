import { isJsonObject, type Json, type JsonObject, type SecretForm } from "./codec";
import type { Crypter } from "./secrets";

/**
 * Secrets under a stack's key. A secret that has not changed keeps its ciphertext, so that a state file only changes where the
 * stack did.
 */
export class SecretKeeper implements SecretForm {
  private readonly kept = new Map<string, { plaintext: string; ciphertext: string }>();

  constructor(private readonly crypter: Crypter) {}

  seal(plaintext: string, place: string): JsonObject {
    const last = this.kept.get(place);
    if (last?.plaintext === plaintext) return { ciphertext: last.ciphertext };
    const ciphertext = this.crypter.encrypt(plaintext);
    this.kept.set(place, { plaintext, ciphertext });
    return { ciphertext };
  }

  open(fields: JsonObject, place: string): string {
    const ciphertext = fields["ciphertext"] as string;
    let plaintext: string;
    try {
      plaintext = this.crypter.decrypt(ciphertext);
    } catch (error) {
      throw new Error(`the secret at ${place.replaceAll("\n", " ")} cannot be decrypted: ${(error as Error).message}`);
    }
    this.kept.set(place, { plaintext: canonical(plaintext), ciphertext });
    return plaintext;
  }
}

/** For looks at a stack without its passphrase: nothing is decrypted, and nothing can be written. */
export const blindSecrets: SecretForm = {
  seal: () => {
    throw new Error("secrets that were not opened cannot be written");
  },
  open: () => undefined,
};

/** For exports with `showSecrets`. */
export const shownSecrets: SecretForm = {
  seal: (plaintext) => ({ plaintext }),
  open: () => {
    throw new Error("an export is written with plain secrets, never read with them");
  },
};

/** As this engine would write it: others escape and order the same JSON in their own way. */
function canonical(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text) as Json));
  } catch {
    return text;
  }
}

function sorted(json: Json): Json {
  if (Array.isArray(json)) return json.map(sorted);
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(
    Object.keys(json)
      .sort()
      .map((key) => [key, sorted(json[key] ?? null)]),
  );
}

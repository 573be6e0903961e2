import { createCipheriv, createDecipheriv } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Encrypts tokens that lie in the store; each for one account, so that they cannot be exchanged there. */
export class Sealing {
  readonly #key: Buffer;
  readonly #random: (bytes: number) => Buffer;

  /** `key`: 32 bytes in base64url. `random` gives bytes that nobody can guess and that never come twice. */
  constructor(key: string, random: (bytes: number) => Buffer) {
    this.#key = Buffer.from(key, 'base64url');
    if (this.#key.length !== KEY_BYTES) throw new Error('a token key needs 32 bytes');
    this.#random = random;
  }

  /** Nonce, encrypted text and tag in base64url. */
  seal(text: string, account: string): string {
    const nonce = this.#random(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(Buffer.from(account));
    const encrypted = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([nonce, ...encrypted, cipher.getAuthTag()]).toString('base64url');
  }

  /** The text; null when it was sealed with another key or for another account, or is damaged. */
  open(sealed: string, account: string): string | null {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const tag = bytes.subarray(-TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(account))
      .setAuthTag(tag);
    try {
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8');
      return text + decipher.final('utf8');
    } catch {
      return null;
    }
  }
}

import { createHash } from 'node:crypto';
import type { Row } from './tables.ts';

const MODULUS = 2n ** 128n;

/** Adds up rows in any order: the same for the same rows, and for no others that anybody will ever see. */
export class Checksum {
  #rows = 0;
  #sum = 0n;

  get rows(): number {
    return this.#rows;
  }

  /** 32 hexadecimal digits. */
  get text(): string {
    return this.#sum.toString(16).padStart(32, '0');
  }

  add(row: Row): void {
    const digest = createHash('sha256').update(JSON.stringify(row)).digest();
    this.#sum = (this.#sum + (digest.readBigUInt64BE(0) << 64n) + digest.readBigUInt64BE(8)) % MODULUS;
    this.#rows++;
  }
}

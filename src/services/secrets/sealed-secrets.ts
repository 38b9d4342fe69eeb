/**
 * Secrets that the server has to read again, encrypted for the database: AES-256-GCM with keys from the environment
 * (`ENCRYPTION_KEYS`), which the database never sees. A copy of the database, a backup or injected SQL yields nothing that
 * can be used without them.
 *
 * What is sealed is tied to its place: it cannot be opened for another tenant, another row or another purpose, so copying
 * it there gains nothing.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { PublicError } from '../../kernel/vocabulary/errors.js';

/** Where a sealed secret is kept. */
export interface Place {
  readonly tenantId: string;
  /** The kind of secret, `webhook`. */
  readonly purpose: string;
  /** The id of the row. */
  readonly id: string;
}

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly secrets: SealedSecrets;
  }
}

interface Key {
  /** Says which key has sealed, and nothing else of it. */
  readonly name: string;
  readonly bytes: Buffer;
}

const VERSION = '1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class SealedSecrets {
  readonly #keys: readonly Key[];

  /** @param keys random texts: the first one seals, and all of them open. Without any, nothing is sealed or opened. */
  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => ({
      name: derived(key, 'name', 4).toString('hex'),
      bytes: derived(key, 'key', 32),
    }));
  }

  /** @throws UNAVAILABLE when there is no key */
  seal(secret: string, place: Place): string {
    const [key] = this.#keys;
    if (!key) throw missingKey();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
    cipher.setAAD(bytesOf(place));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    const all = Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    return [VERSION, key.name, all.toString('base64url')].join('.');
  }

  /** Whether the key is here that has sealed it, so that {@link open} does not throw UNAVAILABLE. */
  hasKeyOf(sealed: string): boolean {
    return this.#keyOf(sealed) !== undefined;
  }

  /**
   * @throws UNAVAILABLE when the key that has sealed it is missing; Error, which contains nothing of it, when it was changed
   * or belongs to another place
   */
  open(sealed: string, place: Place): string {
    const [version, , text = ''] = sealed.split('.');
    const key = this.#keyOf(sealed);
    if (!key) {
      throw new PublicError(
        'UNAVAILABLE',
        'A secret cannot be read: ENCRYPTION_KEYS does not have the key that has encrypted it. Add the key, or replace the secret.',
      );
    }
    const all = Buffer.from(text, 'base64url');
    if (version !== VERSION || all.length < NONCE_BYTES + TAG_BYTES) throw new Error(UNREADABLE);
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, all.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(bytesOf(place));
    decipher.setAuthTag(all.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const opened = [decipher.update(all.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
      return Buffer.concat(opened).toString('utf8');
    } catch {
      throw new Error(UNREADABLE);
    }
  }

  #keyOf(sealed: string): Key | undefined {
    const [, name] = sealed.split('.');
    return this.#keys.find((each) => each.name === name);
  }
}

const UNREADABLE = 'a sealed secret was changed, or is not in its place';

const missingKey = () =>
  new PublicError('UNAVAILABLE', 'This server cannot keep secrets: ENCRYPTION_KEYS is not set.');

const derived = (key: string, use: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `tenantry sealed secrets: ${use}`, bytes));

/** No part of a place contains a line break. */
const bytesOf = ({ tenantId, purpose, id }: Place): Buffer => Buffer.from([purpose, tenantId, id].join('\n'));

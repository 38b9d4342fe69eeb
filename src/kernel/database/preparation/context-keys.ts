/**
 * The database's keys for signed contexts. The owner sets and revokes them, and a server checks them at the start. A
 * key is stored in the form that HMAC uses, and never read back.
 */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { tenantryCommand } from '../../config/command-line.js';
import { createSign } from '../context-signature.js';
import { actingAsOwner, withClient } from '../owner-connection.js';
import { codeOf, messageOf, MigrationError } from '../migration-error.js';

/** A key the database accepts. */
export interface ContextKey {
  /** Identifies the key: the beginning of its hash. */
  readonly fingerprint: string;
  readonly addedAt: Date;
}

/** The present key, and the next or previous one. */
const KEYS_AT_MOST = 2;

const INSUFFICIENT_PRIVILEGE = '42501';

/** HMAC's block and constants, RFC 2104. */
const BLOCK = 64;
const INNER = 0x36;
const OUTER = 0x5c;

/** The fingerprint of a key: 64 bits of its hash. */
export const fingerprintOf = (key: string): string =>
  createHash('sha256').update(`context key ${key}`).digest('hex').slice(0, 16);

/** The key's inner and outer pads of HMAC. */
function padsOf(key: string): readonly [inner: Buffer, outer: Buffer] {
  const given = Buffer.from(key, 'utf8');
  const block = Buffer.alloc(BLOCK);
  (given.length > BLOCK ? createHash('sha256').update(given).digest() : given).copy(block);
  return [block.map((byte) => byte ^ INNER) as Buffer, block.map((byte) => byte ^ OUTER) as Buffer];
}

/**
 * Makes the database accept the key in addition to an existing one. With its first key, it requires signatures.
 *
 * @param ownerUrl a login that may act as tenantry_owner
 * @throws MigrationError when there are already two others
 */
export async function addContextKey(ownerUrl: string, key: string): Promise<void> {
  await withClient(actingAsOwner(ownerUrl), async (client) => {
    const fingerprint = fingerprintOf(key);
    const keys = await readKeys(client);
    if (keys.some((known) => known.fingerprint === fingerprint)) return;
    if (keys.length >= KEYS_AT_MOST) {
      throw new MigrationError(
        `The database accepts two context keys already (${keys.map((known) => known.fingerprint).join(', ')}): ` +
          `revoke the older one first, with \`${tenantryCommand('context-key revoke FINGERPRINT')}\`.`,
      );
    }
    await client.query('SELECT tenantry.add_context_key($1, $2, $3)', [fingerprint, ...padsOf(key)]);
  });
}

/** The keys that the database accepts, oldest first; none when contexts are unsigned. */
export const listContextKeys = (ownerUrl: string): Promise<ContextKey[]> =>
  withClient(actingAsOwner(ownerUrl), readKeys);

/**
 * Makes the database refuse signatures with this key. Without any key, it accepts unsigned contexts.
 *
 * @throws MigrationError when there is no such key
 */
export async function revokeContextKey(ownerUrl: string, fingerprint: string): Promise<void> {
  const { rows } = await withClient(actingAsOwner(ownerUrl), (client) =>
    client.query<{ existed: boolean }>('SELECT tenantry.revoke_context_key($1) AS existed', [fingerprint]),
  );
  if (rows[0]?.existed !== true) throw new MigrationError(`The database has no context key ${fingerprint}.`);
}

async function readKeys(client: pg.Client): Promise<ContextKey[]> {
  const { rows } = await client.query<ContextKey>(
    'SELECT fingerprint, added_at AS "addedAt" FROM tenantry.context_keys ORDER BY added_at, fingerprint',
  );
  return rows;
}

/**
 * Stops when the database would refuse every transaction, and when the server has a key but the database requires no
 * signatures.
 *
 * @param client connected as the runtime role
 * @throws MigrationError
 */
export async function checkContextSigning(client: pg.Client, key: string | undefined): Promise<void> {
  const { expires, signature } = createSign(key)('start');
  const required = await client
    .query<{ required: boolean }>('SELECT tenantry.context_signing($1, $2) AS required', [expires, signature])
    .then(({ rows }) => rows[0]?.required === true)
    .catch((error: unknown) => {
      if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      if (key !== undefined) {
        throw new MigrationError(`The database does not accept CONTEXT_SIGNING_KEY: ${messageOf(error)}.`, {
          cause: error,
        });
      }
      throw new MigrationError(
        'The database takes signed contexts only, and CONTEXT_SIGNING_KEY is not set: set it to the key that other servers have.',
        { cause: error },
      );
    });
  if (!required && key !== undefined) {
    throw new MigrationError(
      'CONTEXT_SIGNING_KEY is set, but the database has no key to check signatures with: ' +
        `run \`${tenantryCommand('migrate')}\` with it and DATABASE_OWNER_URL.`,
    );
  }
}

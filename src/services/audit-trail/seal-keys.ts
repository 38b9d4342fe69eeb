/**
 * The keys of seals. The private key signs; the public keys say whose seals are trusted. They come from the
 * configuration, never from the database: whoever can write the database must not be able to add one.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TrustedKeys, keyId } from 'tenantry-verify';
import { ConfigError } from '../../kernel/config/config-error.js';
import type { Config } from '../../kernel/config/config.js';

export interface SealKeys {
  /** Signs new seals. */
  readonly signing: KeyObject;
  /** Its id. */
  readonly id: string;
  /** Its public key and the older ones. */
  readonly trusted: TrustedKeys;
  /** The public keys in PEM, the newest first, for verifiers. */
  readonly publicPem: string;
}

const PRIVATE = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g;
const PUBLIC = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;
const HOW = 'make one with `openssl genpkey -algorithm ed25519`';

/**
 * Reads AUDIT_SEAL_KEY: one private key in PEM, then the public keys of earlier ones, whose seals stay trusted. In an
 * environment variable, `\n` may stand for a line break.
 *
 * @throws ConfigError that does not repeat the key
 */
export function readSealKeys(value: string): SealKeys {
  const text = value.replaceAll('\\n', '\n');
  const [pem, ...others] = text.match(PRIVATE) ?? [];
  if (pem === undefined || others.length > 0) {
    throw new ConfigError(`AUDIT_SEAL_KEY must have one private key in PEM: ${HOW}.`);
  }
  const signing = parse(() => createPrivateKey(pem));
  const older = (text.match(PUBLIC) ?? []).map((each) => parse(() => createPublicKey(each)));
  const all = [createPublicKey(signing), ...older];
  return {
    signing,
    id: keyId(signing),
    trusted: new TrustedKeys(all),
    publicPem: all.map((key) => key.export({ type: 'spki', format: 'pem' })).join(''),
  };
}

function parse(read: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // OpenSSL's message may quote the key.
  }
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new ConfigError(`AUDIT_SEAL_KEY has a key that is not an Ed25519 key in PEM: ${HOW}.`);
  }
  return key;
}

/**
 * The configured keys. In development without any, a key that is made once and stored in the data folder, readable by
 * its owner only. In production without any, undefined: nothing is sealed.
 *
 * @throws ConfigError when the configured key cannot be used
 */
export async function sealKeys(
  config: Pick<Config, 'production' | 'auditSealKey' | 'dataDir'>,
): Promise<SealKeys | undefined> {
  if (config.auditSealKey !== undefined) return readSealKeys(config.auditSealKey);
  if (config.production) return undefined;
  const file = join(config.dataDir, 'audit-seal-key.pem');
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  try {
    await writeFile(file, pem, { mode: 0o600, flag: 'wx' });
    return readSealKeys(pem.toString());
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return readSealKeys(await readFile(file, 'utf8'));
  }
}

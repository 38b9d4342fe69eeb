import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEVELOPMENT_SECRET_PREFIX, type Config } from '../config/config.js';

/**
 * The secret that signs tokens in development when none is configured: generated once, stored in the data folder,
 * readable by its owner only. Production never uses it, because its configuration must have a secret or a JWKS.
 */
export async function signingSecret(
  config: Pick<Config, 'production' | 'jwtSecret' | 'jwksUri' | 'dataDir'>,
): Promise<string | undefined> {
  if (config.jwtSecret !== undefined || config.jwksUri !== undefined || config.production)
    return config.jwtSecret;
  return keptSecret(config.dataDir, 'jwt-secret');
}

/**
 * The keys of secrets at rest: those of the configuration, or in development one that is generated once and stored in the
 * data folder. In production there is none without configuration.
 */
export async function encryptionKeys(
  config: Pick<Config, 'production' | 'encryptionKeys' | 'dataDir'>,
): Promise<readonly string[]> {
  if (config.encryptionKeys.length > 0 || config.production) return config.encryptionKeys;
  return [await keptSecret(config.dataDir, 'encryption-key')];
}

async function keptSecret(dataDir: string, name: string): Promise<string> {
  const file = join(dataDir, name);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const secret = DEVELOPMENT_SECRET_PREFIX + randomBytes(32).toString('base64url');
  try {
    await writeFile(file, secret, { mode: 0o600, flag: 'wx' });
    return secret;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}

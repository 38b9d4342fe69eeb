import type { Config } from '../config.js';
import { keptSecret } from '../database/kept-secret.js';

/**
 * The secret that tokens are signed with in development when none is configured: made once, kept in the data folder,
 * readable by its owner only. It never serves production: a production configuration has a secret or a JWKS.
 */
export async function signingSecret(
  config: Pick<Config, 'production' | 'jwtSecret' | 'jwksUri' | 'dataDir'>,
): Promise<string | undefined> {
  if (config.jwtSecret !== undefined || config.jwksUri !== undefined || config.production)
    return config.jwtSecret;
  return keptSecret(config.dataDir, 'jwt-secret');
}

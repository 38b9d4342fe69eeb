/** The environment that every peer is started with. */
export const STATEMENT_TIMEOUT_MS = 5_000;

export interface Environment {
  readonly databaseUrl: string;
  readonly port: number;
  readonly poolSize: number;
}

/**
 * Reads the environment of a peer.
 *
 * @throws Error when a variable is missing
 */
export function environment(): Environment {
  return {
    databaseUrl: required('DATABASE_URL'),
    port: Number(required('PORT')),
    poolSize: Number(required('DATABASE_POOL_SIZE')),
  };
}

/**
 * Reads an environment variable.
 *
 * @throws Error when it is missing
 */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

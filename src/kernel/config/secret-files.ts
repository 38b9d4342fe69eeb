/**
 * Reads secrets from files, which container platforms mount: `JWT_SECRET_FILE=/run/secrets/jwt` sets `JWT_SECRET` to
 * the content of that file.
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.js';

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that may contain a secret, including passwords in URLs. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'DATABASE_LISTEN_URL',
  'DATABASE_REPLICA_URL',
  'DATABASE_OWNER_URL',
  'DATABASE_OPERATOR_URL',
  'CONTEXT_SIGNING_KEY',
  'AUDIT_SEAL_KEY',
  'AUDIT_HEAD_SINK',
  'ENCRYPTION_KEYS',
  'JWT_SECRET',
  'METRICS_TOKEN',
  'OPERATOR_JWT_SECRET',
  'SMTP_URL',
  'REDIS_URL',
] as const;

/** Editors and `echo` add a line break, which is not part of the secret. */
const LAST_LINE_BREAK = /\r?\n$/;

/**
 * The environment with the content of every `…_FILE`. A blank `…_FILE` counts as not set.
 *
 * @param more further variables that may contain a secret
 * @throws ConfigError when a file cannot be read, or when a variable is set in both ways; it never contains the secret
 */
export function readSecretFiles(env: Environment, more: readonly string[] = []): Environment {
  const secrets = [...SECRET_VARIABLES, ...more].flatMap((variable) => {
    const path = env[`${variable}_FILE`];
    if (path === undefined || path === '') return [];
    if (env[variable] !== undefined && env[variable] !== '') {
      throw new ConfigError(`${variable} and ${variable}_FILE are both set: keep one of them.`);
    }
    return [[variable, contentOf(path, `${variable}_FILE`)]];
  });
  return { ...env, ...(Object.fromEntries(secrets) as Environment) };
}

function contentOf(path: string, variable: string): string {
  try {
    return readFileSync(path, 'utf8').replace(LAST_LINE_BREAK, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigError(`${variable} names a file that cannot be read (${code}).`, { cause: error });
  }
}

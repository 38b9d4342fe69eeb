/** The environment's variables, each checked by itself. */
import { z } from 'zod';
import { DEFAULT_DOCUMENT_LIMITS, type DocumentLimits } from '../vocabulary/document-limits.js';
import { ConfigError } from './config-error.js';
import { normalizedOrigin } from './origins.js';
import type { Environment } from './secret-files.js';
import {
  headSink,
  httpUrl,
  list,
  oneOf,
  optional,
  postgresUrl,
  proxies,
  ratio,
  redisUrl,
  smtpUrl,
  targets,
  wholeNumber,
} from './variables.js';

/** The shortest secret, in bytes. */
export const SHORTEST_SECRET = 32;
/** The fewest bytes of a token that only reads metrics. */
const SHORTEST_TOKEN = 16;

const MIB = 1024 * 1024;

/** The variables by their names. */
export const environment = z.object({
  NODE_ENV: oneOf(['production', 'development', 'test']),
  HOST: optional,
  PORT: wholeNumber(0, 65_535, 'a port number', 4000),
  TENANTRY_DATA_DIR: optional,
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  LOG_SQL: oneOf(['0', '1', 'explain']),
  SLOW_STATEMENT_MS: wholeNumber(1, 600_000, 'a whole number of milliseconds', undefined),
  SLOW_STATEMENT_PLANS: oneOf(['true', 'false']),
  DATABASE_URL: postgresUrl,
  DATABASE_LISTEN_URL: postgresUrl,
  DATABASE_REPLICA_URL: postgresUrl,
  DATABASE_REPLICA_MAX_LAG_MS: wholeNumber(500, 60_000, 'a whole number of milliseconds', 5_000),
  DATABASE_OWNER_URL: postgresUrl,
  DATABASE_OPERATOR_URL: postgresUrl,
  DATABASE_POOL_SIZE: wholeNumber(1, 10_000, 'a whole number', 10),
  REQUEST_TIMEOUT_MS: wholeNumber(100, 300_000, 'a whole number of milliseconds', 10_000),
  DATABASE_TENANT_CONNECTIONS: wholeNumber(1, 99_999, 'a whole number', undefined),
  CONTEXT_SIGNING_KEY: optional.refine(
    (value) => value === undefined || Buffer.byteLength(value) >= SHORTEST_SECRET,
    'is too short: make one with `openssl rand -base64 48`',
  ),
  METRICS_TOKEN: optional.refine(
    (value) => value === undefined || Buffer.byteLength(value) >= SHORTEST_TOKEN,
    'is too short: make one with `openssl rand -base64 24`',
  ),
  METRICS_PORT: wholeNumber(1, 65_535, 'a port number', undefined),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
  OTEL_SERVICE_NAME: optional,
  OTEL_TRACES_SAMPLER_ARG: ratio,
  AUDIT_SEAL_KEY: optional,
  AUDIT_HEAD_SINK: headSink,
  AUDIT_READS: oneOf(['true', 'false']),
  AUDIT_ACCESS: oneOf(['true', 'false']),
  ENCRYPTION_KEYS: list.refine(
    (keys) => keys.every((key) => Buffer.byteLength(key) >= SHORTEST_SECRET),
    'has a key that is too short: make one with `openssl rand -base64 48`',
  ),
  JWT_SECRET: optional,
  JWKS_URI: httpUrl,
  JWKS_CACHE_SECONDS: wholeNumber(1, 86_400, 'a whole number of seconds', 300),
  JWT_ISSUER: optional,
  JWT_AUDIENCE: optional,
  OIDC_ISSUER: httpUrl,
  OIDC_CLIENT_ID: optional,
  OPERATOR_JWT_AUDIENCE: optional,
  OPERATOR_JWT_ISSUER: optional,
  OPERATOR_JWT_SECRET: optional,
  OPERATOR_JWKS_URI: httpUrl,
  OPERATOR_OIDC_ISSUER: httpUrl,
  OPERATOR_OIDC_CLIENT_ID: optional,
  OPERATOR_REQUESTS_PER_MINUTE: wholeNumber(1, 1_000_000, 'a whole number', 300),
  BASE_DOMAIN: optional.refine(
    (value) => value === undefined || /^[a-z0-9.-]+$/i.test(value),
    'must be a domain name, without scheme and port',
  ),
  CORS_ORIGINS: optional.transform((value = '', context) =>
    value.split(',').flatMap((entry) => {
      if (entry.trim() === '') return [];
      try {
        return normalizedOrigin(entry.trim());
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    }),
  ),
  TRUSTED_DOCUMENTS: optional,
  TRUSTED_DOCUMENTS_ONLY: oneOf(['true', 'false']),
  FEDERATION: oneOf(['true', 'false']),
  APP_URL: httpUrl.refine(
    (value) => value === undefined || !/[?#]/.test(value),
    'must have neither a query nor a fragment',
  ),
  SMTP_URL: smtpUrl,
  MAIL_FROM: optional.refine(
    (value) => value === undefined || /^[^\p{Cc}]*@[^\p{Cc}]*$/u.test(value),
    'must be an address, as in `Acme <hello@example.com>`',
  ),
  INVITATION_DAYS: wholeNumber(1, 90, 'a whole number of days', 7),
  MAX_ANSWER_BYTES: wholeNumber(1_024, 256 * MIB, 'a whole number of bytes', 5 * MIB),
  MAX_DOCUMENT_TOKENS: wholeNumber(1_000, 10_000, 'a whole number', DEFAULT_DOCUMENT_LIMITS.tokens),
  MAX_DEPTH: wholeNumber(5, 50, 'a whole number', DEFAULT_DOCUMENT_LIMITS.depth),
  MAX_ALIASES: wholeNumber(0, 500, 'a whole number', DEFAULT_DOCUMENT_LIMITS.aliases),
  PLANS_FILE: optional,
  REDIS_URL: redisUrl,
  REDIS_TIMEOUT_MS: wholeNumber(10, 60_000, 'a whole number of milliseconds', 500),
  ANONYMOUS_REQUESTS_PER_MINUTE: wholeNumber(1, 1_000_000_000, 'a whole number', 1_000),
  TRUSTED_PROXIES: proxies,
  OUTGOING_ALLOWED_HOSTS: targets,
  TENANT_ERASURE_DAYS: wholeNumber(0, 365, 'a whole number of days', 30),
  JOB_SLOTS: wholeNumber(0, 1_000, 'a whole number', 4),
  DRAIN_SECONDS: wholeNumber(0, 600, 'a whole number of seconds', undefined),
});

/**
 * The limits of documents alone, for commands that need no other variable.
 *
 * @throws ConfigError
 */
export const readDocumentLimits = (env: Environment = process.env): DocumentLimits =>
  limitsIn(
    valuesOf(environment.pick({ MAX_DOCUMENT_TOKENS: true, MAX_DEPTH: true, MAX_ALIASES: true }), env),
  );

/** The limits of documents among the values. */
export const limitsIn = (
  values: Pick<z.infer<typeof environment>, 'MAX_DOCUMENT_TOKENS' | 'MAX_DEPTH' | 'MAX_ALIASES'>,
): DocumentLimits => ({
  tokens: values.MAX_DOCUMENT_TOKENS,
  depth: values.MAX_DEPTH,
  aliases: values.MAX_ALIASES,
});

/**
 * The checked values.
 *
 * @throws ConfigError with one line for each variable that is wrong
 */
export function valuesOf<Schema extends z.ZodType>(schema: Schema, env: Environment): z.infer<Schema> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  // What follows the first issue of a variable often follows from it.
  const issues = new Map<string, string>();
  for (const { path, message } of parsed.error.issues) {
    const variable = path.join('.');
    if (!issues.has(variable)) issues.set(variable, `${variable} ${message}.`);
  }
  throw new ConfigError([...issues.values()].join('\n'));
}

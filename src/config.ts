/** The environment, read once and checked: the server starts with a valid configuration or says what is wrong. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config-error.js';
import { readSecretFiles, type Environment } from './secret-files.js';

export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logLevel: string;
  /** Undefined: use the embedded database. */
  readonly databaseUrl: string | undefined;
  /** Where to LISTEN, when `databaseUrl` leads through a pooler of transactions. */
  readonly databaseListenUrl: string | undefined;
  readonly databaseOwnerUrl: string | undefined;
  readonly databaseOperatorUrl: string | undefined;
  readonly poolSize: number;
  /** How long a request may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** How many connections of the pool one tenant holds at the most. Undefined: half of them. */
  readonly tenantConnections: number | undefined;
  /** What contexts are signed with; docs/signed-contexts.md. Undefined: they are not. */
  readonly contextSigningKey: string | undefined;
  readonly jwtSecret: string | undefined;
  readonly jwksUri: string | undefined;
  /** For how long the keys at `jwksUri` are used before they are fetched again. */
  readonly jwksCacheSeconds: number;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  /** `example.com`: a tenant's requests come to `<slug>.example.com`. */
  readonly baseDomain: string;
  /** Origins of browsers that may call the API from elsewhere. */
  readonly corsOrigins: readonly string[];
  /** A manifest of documents, or a folder of them. */
  readonly trustedDocuments: string | undefined;
  /** Other documents are refused. */
  readonly trustedDocumentsOnly: boolean;
  /** The front end, without a slash at the end: links in mails lead there. */
  readonly appUrl: string;
  /** Undefined: mails are written to the data folder. */
  readonly smtpUrl: string | undefined;
  /** The sender of mails. */
  readonly mailFrom: string;
  readonly invitationDays: number;
}

const optional = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value));
const postgresUrl = optional.refine(
  (value) => value === undefined || isPostgresUrl(value),
  'must be a URL of the form postgresql://user:password@host:5432/database',
);
const httpUrl = optional.refine(
  (value) => value === undefined || /^https?:$/.test(protocolOf(value)),
  'must be an http or https URL',
);

const smtpUrl = optional.refine(
  (value) => value === undefined || /^smtps?:$/.test(protocolOf(value)),
  'must be a URL of the form smtp://user:password@host:587 or smtps://…',
);

const blankIsDefault = <Value extends z.ZodType>(value: Value) =>
  z.preprocess((given) => (given === '' ? undefined : given), value);

const SHORTEST_SECRET = 32;

const environment = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test', ''], 'must be production, development or test')
    .optional(),
  HOST: optional,
  PORT: z.coerce
    .number('must be a port number')
    .int('must be a port number')
    .min(0, 'must be a port number')
    .max(65_535, 'must be a port number')
    .default(4000),
  TENANTRY_DATA_DIR: optional,
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  DATABASE_URL: postgresUrl,
  DATABASE_LISTEN_URL: postgresUrl,
  DATABASE_OWNER_URL: postgresUrl,
  DATABASE_OPERATOR_URL: postgresUrl,
  DATABASE_POOL_SIZE: z.coerce.number('must be a number').int().min(1, 'must be at least 1').default(10),
  REQUEST_TIMEOUT_MS: optional
    .transform((value) => Number(value ?? 10_000))
    .refine(
      (value) => Number.isInteger(value) && value >= 100 && value <= 300_000,
      'must be a whole number of milliseconds from 100 to 300000',
    ),
  DATABASE_TENANT_CONNECTIONS: optional.refine(
    (value) => value === undefined || /^[1-9]\d{0,4}$/.test(value),
    'must be a number, at least 1',
  ),
  CONTEXT_SIGNING_KEY: optional.refine(
    (value) => value === undefined || Buffer.byteLength(value) >= SHORTEST_SECRET,
    'is too short: make one with `openssl rand -base64 48`',
  ),
  JWT_SECRET: optional,
  JWKS_URI: httpUrl,
  JWKS_CACHE_SECONDS: blankIsDefault(
    z.coerce
      .number('must be a number of seconds')
      .int('must be a whole number of seconds')
      .min(1, 'must be at least 1')
      .max(86_400, 'must be at most 86400, which is a day')
      .default(300),
  ),
  JWT_ISSUER: optional,
  JWT_AUDIENCE: optional,
  BASE_DOMAIN: optional.refine(
    (value) => value === undefined || /^[a-z0-9.-]+$/i.test(value),
    'must be a domain name, without scheme and port',
  ),
  CORS_ORIGINS: optional,
  TRUSTED_DOCUMENTS: optional,
  TRUSTED_DOCUMENTS_ONLY: z.enum(['true', 'false', ''], 'must be true or false').optional(),
  APP_URL: httpUrl.refine(
    (value) => value === undefined || !/[?#]/.test(value),
    'must have neither a query nor a fragment',
  ),
  SMTP_URL: smtpUrl,
  MAIL_FROM: optional.refine(
    (value) => value === undefined || /^[^\p{Cc}]*@[^\p{Cc}]*$/u.test(value),
    'must be an address, as in `Acme <hello@example.com>`',
  ),
  INVITATION_DAYS: z.coerce
    .number('must be a number of days')
    .int('must be a whole number of days')
    .min(1, 'must be at least 1')
    .max(90, 'must be at most 90')
    .default(7),
});

/**
 * @param purpose `serve` demands what a server needs in production besides a valid environment: how tokens are verified.
 *   A command works without.
 * @throws ConfigError
 */
export function readConfig(env: Environment = process.env, purpose: 'serve' | 'command' = 'serve'): Config {
  const parsed = environment.safeParse(readSecretFiles(env));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`${issue?.path.join('.')} ${issue?.message}.`);
  }
  const values = parsed.data;
  const config: Config = {
    production: values.NODE_ENV === 'production',
    host: values.HOST ?? (values.NODE_ENV === 'production' ? '0.0.0.0' : 'localhost'),
    port: values.PORT,
    dataDir: resolve(values.TENANTRY_DATA_DIR ?? '.tenantry'),
    logLevel: values.LOG_LEVEL,
    databaseUrl: values.DATABASE_URL,
    databaseListenUrl: values.DATABASE_LISTEN_URL,
    databaseOwnerUrl: values.DATABASE_OWNER_URL,
    databaseOperatorUrl: values.DATABASE_OPERATOR_URL,
    poolSize: values.DATABASE_POOL_SIZE,
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    tenantConnections:
      values.DATABASE_TENANT_CONNECTIONS === undefined
        ? undefined
        : Number(values.DATABASE_TENANT_CONNECTIONS),
    contextSigningKey: values.CONTEXT_SIGNING_KEY,
    jwtSecret: values.JWT_SECRET,
    jwksUri: values.JWKS_URI,
    jwksCacheSeconds: values.JWKS_CACHE_SECONDS,
    jwtIssuer: values.JWT_ISSUER ?? 'tenantry',
    jwtAudience: values.JWT_AUDIENCE ?? 'tenantry',
    baseDomain: (values.BASE_DOMAIN ?? 'localhost').toLowerCase(),
    corsOrigins: (values.CORS_ORIGINS ?? '').split(',').flatMap((origin) => origin.trim() || []),
    trustedDocuments: values.TRUSTED_DOCUMENTS,
    trustedDocumentsOnly: values.TRUSTED_DOCUMENTS_ONLY === 'true',
    appUrl: (values.APP_URL ?? 'http://localhost:3000').replace(/\/+$/, ''),
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM ?? 'Tenantry <no-reply@localhost>',
    invitationDays: values.INVITATION_DAYS,
  };
  checkCombination(config);
  if (purpose === 'serve') checkServing(config);
  if (config.smtpUrl !== undefined && !(values.APP_URL && values.MAIL_FROM)) {
    throw new ConfigError(
      'APP_URL or MAIL_FROM is missing: with SMTP_URL, say where the links in mails lead, and who sends them.',
    );
  }
  if (config.production && config.jwksUri !== undefined && !(values.JWT_ISSUER && values.JWT_AUDIENCE)) {
    throw new ConfigError(
      'JWT_ISSUER or JWT_AUDIENCE is missing: say whose tokens JWKS_URI verifies, and for whom.',
    );
  }
  return config;
}

function checkCombination(config: Config): void {
  if (
    config.databaseUrl === undefined &&
    (config.databaseOwnerUrl ?? config.databaseOperatorUrl ?? config.databaseListenUrl) !== undefined
  ) {
    throw new ConfigError(
      'DATABASE_URL is missing: the server itself connects as tenantry_app, never as the owner.',
    );
  }
  if (config.trustedDocumentsOnly && config.trustedDocuments === undefined) {
    throw new ConfigError('TRUSTED_DOCUMENTS is missing: say which documents are the only ones.');
  }
  if (!config.production) return;
  if (config.databaseUrl === undefined) {
    throw new ConfigError(
      'DATABASE_URL is missing: in production the server does not start its own database.',
    );
  }
  refuseWeakSecret('JWT_SECRET', config.jwtSecret);
  refuseWeakSecret('CONTEXT_SIGNING_KEY', config.contextSigningKey);
}

function checkServing({ production, jwtSecret, jwksUri }: Config): void {
  if (production && jwtSecret === undefined && jwksUri === undefined) {
    throw new ConfigError(
      'JWT_SECRET or JWKS_URI is missing: in production there is no default to verify tokens with.',
    );
  }
}

/** Secrets made for development start with this, so that one that is carried over to production is recognised. */
export const DEVELOPMENT_SECRET_PREFIX = 'development-';

const PLACEHOLDER =
  /(^|[-_ ])(dev|test)([-_ ]|$)|development|change.?me|example|placeholder|insecure|secret|password/i;

function refuseWeakSecret(variable: string, secret: string | undefined): void {
  if (secret === undefined) return;
  if (Buffer.byteLength(secret) < SHORTEST_SECRET) {
    throw new ConfigError(
      `${variable} is too short for production: use at least ${SHORTEST_SECRET} random bytes.`,
    );
  }
  if (secret.startsWith(DEVELOPMENT_SECRET_PREFIX) || PLACEHOLDER.test(secret) || new Set(secret).size < 10) {
    throw new ConfigError(
      `${variable} looks like a development secret: make one with \`openssl rand -base64 48\`.`,
    );
  }
}

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:$/.test(protocolOf(value)) && new URL(value).pathname.length > 1;
}

function protocolOf(value: string): string {
  try {
    return new URL(value).protocol;
  } catch {
    return '';
  }
}

/** Reads and checks the environment once: the server starts with a valid configuration or reports the error. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './config-error.js';
import { normalizedOrigin } from './origins.js';
import { readSecretFiles, type Environment } from './secret-files.js';

export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logLevel: string;
  /** Whether statements, and their plans, are logged. Undefined: neither. */
  readonly logSql: 'statements' | 'plans' | undefined;
  /** Undefined: use the embedded database. */
  readonly databaseUrl: string | undefined;
  /** The URL for LISTEN, when `databaseUrl` is that of a transaction pooler. */
  readonly databaseListenUrl: string | undefined;
  readonly databaseOwnerUrl: string | undefined;
  readonly databaseOperatorUrl: string | undefined;
  readonly poolSize: number;
  /** How long a request may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** The most connections of the pool that one tenant may hold. Undefined: half of them. */
  readonly tenantConnections: number | undefined;
  /** The key that signs contexts (docs/signed-contexts.md); undefined when they are unsigned. */
  readonly contextSigningKey: string | undefined;
  readonly jwtSecret: string | undefined;
  readonly jwksUri: string | undefined;
  /** How long the keys at `jwksUri` are used before they are fetched again. */
  readonly jwksCacheSeconds: number;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  /** `example.com`: the hosts of tenants are `<slug>.example.com`. */
  readonly baseDomain: string;
  /** Other origins whose browsers may call the API, normalized: see `isListedOrigin`. */
  readonly corsOrigins: readonly string[];
  /** A manifest of documents, or a folder of them. */
  readonly trustedDocuments: string | undefined;
  /** Whether other documents are refused. */
  readonly trustedDocumentsOnly: boolean;
  /** The URL of the front end, without a trailing slash, for links in mails. */
  readonly appUrl: string;
  /** Undefined: mails are written to the data folder. */
  readonly smtpUrl: string | undefined;
  /** The sender of mails. */
  readonly mailFrom: string;
  readonly invitationDays: number;
  /** The largest answer, in bytes. */
  readonly maxAnswerBytes: number;
  /** How long the server continues to answer after it is told to stop, in milliseconds. */
  readonly drainMs: number;
}

/** An empty or blank variable counts as not set, and has its default. */
const optional = z
  .string()
  .optional()
  .transform((value) => (value?.trim() === '' ? undefined : value));

/** A whole number in decimal digits: `1e3`, `0x10` and `2.0` are refused. */
const wholeNumber = <Default extends number | undefined>(
  least: number,
  most: number,
  what: string,
  byDefault: Default,
) =>
  optional
    .refine((value) => value === undefined || /^\d{1,15}$/.test(value.trim()), `must be ${what}`)
    .refine((value) => value === undefined || Number(value) >= least, `must be at least ${String(least)}`)
    .refine((value) => value === undefined || Number(value) <= most, `must be at most ${String(most)}`)
    .transform((value) => (value === undefined ? byDefault : Number(value)));

const oneOf = <Choice extends string>(choices: readonly Choice[]) =>
  optional.pipe(
    z.enum(choices, `must be ${choices.slice(0, -1).join(', ')} or ${String(choices.at(-1))}`).optional(),
  );
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

const SHORTEST_SECRET = 32;

const MIB = 1024 * 1024;

const environment = z.object({
  NODE_ENV: oneOf(['production', 'development', 'test']),
  HOST: optional,
  PORT: wholeNumber(0, 65_535, 'a port number', 4000),
  TENANTRY_DATA_DIR: optional,
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  LOG_SQL: oneOf(['0', '1', 'explain']),
  DATABASE_URL: postgresUrl,
  DATABASE_LISTEN_URL: postgresUrl,
  DATABASE_OWNER_URL: postgresUrl,
  DATABASE_OPERATOR_URL: postgresUrl,
  DATABASE_POOL_SIZE: wholeNumber(1, 10_000, 'a whole number', 10),
  REQUEST_TIMEOUT_MS: wholeNumber(100, 300_000, 'a whole number of milliseconds', 10_000),
  DATABASE_TENANT_CONNECTIONS: wholeNumber(1, 99_999, 'a whole number', undefined),
  CONTEXT_SIGNING_KEY: optional.refine(
    (value) => value === undefined || Buffer.byteLength(value) >= SHORTEST_SECRET,
    'is too short: make one with `openssl rand -base64 48`',
  ),
  JWT_SECRET: optional,
  JWKS_URI: httpUrl,
  JWKS_CACHE_SECONDS: wholeNumber(1, 86_400, 'a whole number of seconds', 300),
  JWT_ISSUER: optional,
  JWT_AUDIENCE: optional,
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
  DRAIN_SECONDS: wholeNumber(0, 600, 'a whole number of seconds', undefined),
});

const LOGGED = { 0: undefined, 1: 'statements', explain: 'plans' } as const;

/**
 * @param purpose `serve` also requires the settings to verify tokens in production; commands do not need them
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
    logLevel: values.LOG_LEVEL ?? 'info',
    logSql: LOGGED[values.LOG_SQL ?? '0'],
    databaseUrl: values.DATABASE_URL,
    databaseListenUrl: values.DATABASE_LISTEN_URL,
    databaseOwnerUrl: values.DATABASE_OWNER_URL,
    databaseOperatorUrl: values.DATABASE_OPERATOR_URL,
    poolSize: values.DATABASE_POOL_SIZE,
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    tenantConnections: values.DATABASE_TENANT_CONNECTIONS,
    contextSigningKey: values.CONTEXT_SIGNING_KEY,
    jwtSecret: values.JWT_SECRET,
    jwksUri: values.JWKS_URI,
    jwksCacheSeconds: values.JWKS_CACHE_SECONDS,
    jwtIssuer: values.JWT_ISSUER ?? 'tenantry',
    jwtAudience: values.JWT_AUDIENCE ?? 'tenantry',
    baseDomain: (values.BASE_DOMAIN ?? 'localhost').toLowerCase(),
    corsOrigins: values.CORS_ORIGINS,
    trustedDocuments: values.TRUSTED_DOCUMENTS,
    trustedDocumentsOnly: values.TRUSTED_DOCUMENTS_ONLY === 'true',
    appUrl: (values.APP_URL ?? 'http://localhost:3000').replace(/\/+$/, ''),
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM ?? 'Tenantry <no-reply@localhost>',
    invitationDays: values.INVITATION_DAYS,
    maxAnswerBytes: values.MAX_ANSWER_BYTES,
    // In development nothing probes the readiness, so Ctrl-C stops at once.
    drainMs: (values.DRAIN_SECONDS ?? (values.NODE_ENV === 'production' ? 5 : 0)) * 1_000,
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
  if (config.logSql === 'plans') {
    throw new ConfigError('LOG_SQL=explain is not for production: plans show values. LOG_SQL=1 does not.');
  }
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

/** The prefix of development secrets, so that production can recognise and refuse one. */
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

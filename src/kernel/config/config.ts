/** Reads and checks the environment once: the server starts with a valid configuration or reports the error. */
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { DocumentLimits } from '../vocabulary/document-limits.js';
import { cellsOf, cellVariables, type CellConfig } from './cells.js';
import { ConfigError } from './config-error.js';
import { environment, limitsIn, SHORTEST_SECRET, valuesOf } from './environment.js';
import { operatorDoorOf, refuseSharedDoor, type OperatorDoorConfig } from './operator-door.js';
import { readSecretFiles, type Environment } from './secret-files.js';

export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logLevel: string;
  /** Whether statements, and their plans, are logged. Undefined: neither. */
  readonly logSql: 'statements' | 'plans' | undefined;
  /** Statements that take as long are logged, with their plans if wanted. Undefined: none is. */
  readonly slowStatements: { readonly ms: number; readonly plans: boolean } | undefined;
  /** Undefined: use the embedded database. */
  readonly databaseUrl: string | undefined;
  /** The URL for LISTEN, when `databaseUrl` is that of a transaction pooler. */
  readonly databaseListenUrl: string | undefined;
  /** A streaming replica that answers reads which may be old. Undefined: the database answers all of them. */
  readonly replica:
    | {
        readonly url: string;
        /** How old those may be, in milliseconds. */
        readonly maxLagMs: number;
      }
    | undefined;
  readonly databaseOwnerUrl: string | undefined;
  readonly databaseOperatorUrl: string | undefined;
  /** The other databases, by their names. */
  readonly cells: readonly CellConfig[];
  readonly poolSize: number;
  /** How long a request may take, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** The most connections of the pool that one tenant may hold. Undefined: half of them. */
  readonly tenantConnections: number | undefined;
  /** The key that signs contexts (docs/signed-contexts.md); undefined when they are unsigned. */
  readonly contextSigningKey: string | undefined;
  /** The token with which `/metrics` is read; undefined: without one. */
  readonly metricsToken: string | undefined;
  /** A port of its own for `/metrics`. Undefined: it is at the port of the API, in production only with a token. */
  readonly metricsPort: number | undefined;
  /** The collector to which traces are sent, and the part of them that is kept. Undefined: there are none. */
  readonly traces:
    { readonly endpoint: string; readonly ratio: number; readonly serviceName: string } | undefined;
  /** The private key, in PEM, that seals the audit log; undefined: see services/audit-trail/seal-keys.ts. */
  readonly auditSealKey: string | undefined;
  /** Where heads of the audit trail go: a path, or an https URL. */
  readonly auditHeadSink: string | undefined;
  /** Whether reading the audit log is recorded in it. */
  readonly auditReads: boolean;
  /** Whether refused attempts and new addresses of API keys are recorded in the audit log. */
  readonly auditAccess: boolean;
  /** The keys of secrets at rest (docs/webhooks.md): the first one encrypts, and all of them decrypt. */
  readonly encryptionKeys: readonly string[];
  readonly jwtSecret: string | undefined;
  readonly jwksUri: string | undefined;
  /** How long the keys at `jwksUri` are used before they are fetched again. */
  readonly jwksCacheSeconds: number;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  /** Where users of the dashboard log in; undefined when they do not log in with OpenID Connect. */
  readonly oidc: { readonly issuer: string; readonly clientId: string } | undefined;
  /** The operators' door, `/operator/graphql`; undefined when it is closed. */
  readonly operatorDoor: OperatorDoorConfig | undefined;
  /** `example.com`: the hosts of tenants are `<slug>.example.com`. */
  readonly baseDomain: string;
  /** Other origins whose browsers may call the API, normalized: see `isListedOrigin`. */
  readonly corsOrigins: readonly string[];
  /** A manifest of documents, or a folder of them. */
  readonly trustedDocuments: string | undefined;
  /** Whether other documents are refused. */
  readonly trustedDocumentsOnly: boolean;
  /** Whether the API is a subgraph of a federation. */
  readonly federation: boolean;
  /** The URL of the front end, without a trailing slash, for links in mails. */
  readonly appUrl: string;
  /** Undefined: mails are written to the data folder. */
  readonly smtpUrl: string | undefined;
  /** The sender of mails. */
  readonly mailFrom: string;
  readonly invitationDays: number;
  /** The largest answer, in bytes. */
  readonly maxAnswerBytes: number;
  /** What a document may have, also a trusted one. */
  readonly documentLimits: DocumentLimits;
  /** The file with the plans of tenants. Undefined: the file that the server is shipped with. */
  readonly plansFile: string | undefined;
  /** The Redis in which servers share the budgets of rates. Undefined: each server has its own. */
  readonly redisUrl: string | undefined;
  /** How long a request waits for an answer of Redis, before its server goes on alone. */
  readonly redisTimeoutMs: number;
  /** The requests of callers without access, per address and minute. */
  readonly anonymousRequestsPerMinute: number;
  /** The addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** The hosts, addresses and networks that outgoing requests may reach although they are not public. */
  readonly outgoingAllowedHosts: readonly string[];
  /** The most jobs that a server, or a worker, runs at once. 0: a server runs none, and leaves them to workers. */
  readonly jobSlots: number;
  /** Days from the request to erase a tenant to its execution. */
  readonly tenantErasureDays: number;
  /** How long the server continues to answer after it is told to stop, in milliseconds. */
  readonly drainMs: number;
}

const LOGGED = { 0: undefined, 1: 'statements', explain: 'plans' } as const;

/**
 * @param purpose `serve` also requires the settings to verify tokens in production; commands do not need them
 * @throws ConfigError with one line for each setting that is wrong
 */
export function readConfig(env: Environment = process.env, purpose: 'serve' | 'command' = 'serve'): Config {
  const given = readSecretFiles(env, cellVariables(env));
  const values = valuesOf(environment, given);
  const problems: string[] = [];
  // Whoever starts a server for the first time reads all that is wrong at once.
  const tried = <Value>(read: () => Value, instead: Value): Value => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
      return instead;
    }
  };
  const config: Config = {
    production: values.NODE_ENV === 'production',
    host: values.HOST ?? (values.NODE_ENV === 'production' ? '0.0.0.0' : 'localhost'),
    port: values.PORT,
    dataDir: resolve(values.TENANTRY_DATA_DIR ?? '.tenantry'),
    logLevel: values.LOG_LEVEL ?? 'info',
    logSql: LOGGED[values.LOG_SQL ?? '0'],
    slowStatements:
      values.SLOW_STATEMENT_MS === undefined
        ? undefined
        : { ms: values.SLOW_STATEMENT_MS, plans: values.SLOW_STATEMENT_PLANS === 'true' },
    databaseUrl: values.DATABASE_URL,
    databaseListenUrl: values.DATABASE_LISTEN_URL,
    replica:
      values.DATABASE_REPLICA_URL === undefined
        ? undefined
        : { url: values.DATABASE_REPLICA_URL, maxLagMs: values.DATABASE_REPLICA_MAX_LAG_MS },
    databaseOwnerUrl: values.DATABASE_OWNER_URL,
    databaseOperatorUrl: values.DATABASE_OPERATOR_URL,
    cells: tried(() => cellsOf(given), []),
    poolSize: values.DATABASE_POOL_SIZE,
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    tenantConnections: values.DATABASE_TENANT_CONNECTIONS,
    contextSigningKey: values.CONTEXT_SIGNING_KEY,
    metricsToken: values.METRICS_TOKEN,
    metricsPort: values.METRICS_PORT,
    traces:
      values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : {
            endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
            ratio: values.OTEL_TRACES_SAMPLER_ARG,
            serviceName: values.OTEL_SERVICE_NAME ?? 'tenantry',
          },
    auditSealKey: values.AUDIT_SEAL_KEY,
    auditHeadSink: values.AUDIT_HEAD_SINK,
    auditReads: values.AUDIT_READS === 'true',
    auditAccess: values.AUDIT_ACCESS !== 'false',
    encryptionKeys: values.ENCRYPTION_KEYS,
    jwtSecret: values.JWT_SECRET,
    jwksUri: values.JWKS_URI,
    jwksCacheSeconds: values.JWKS_CACHE_SECONDS,
    jwtIssuer: values.JWT_ISSUER ?? 'tenantry',
    jwtAudience: values.JWT_AUDIENCE ?? 'tenantry',
    oidc:
      values.OIDC_ISSUER !== undefined && values.OIDC_CLIENT_ID !== undefined
        ? { issuer: values.OIDC_ISSUER, clientId: values.OIDC_CLIENT_ID }
        : undefined,
    operatorDoor: tried(() => operatorDoorOf(values), undefined),
    baseDomain: (values.BASE_DOMAIN ?? 'localhost').toLowerCase(),
    corsOrigins: values.CORS_ORIGINS,
    trustedDocuments: values.TRUSTED_DOCUMENTS,
    trustedDocumentsOnly: values.TRUSTED_DOCUMENTS_ONLY === 'true',
    federation: values.FEDERATION === 'true',
    appUrl: (values.APP_URL ?? `http://localhost:${String(values.PORT)}/app`).replace(/\/+$/, ''),
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM ?? 'Tenantry <no-reply@localhost>',
    invitationDays: values.INVITATION_DAYS,
    maxAnswerBytes: values.MAX_ANSWER_BYTES,
    documentLimits: limitsIn(values),
    plansFile: values.PLANS_FILE,
    redisUrl: values.REDIS_URL,
    redisTimeoutMs: values.REDIS_TIMEOUT_MS,
    anonymousRequestsPerMinute: values.ANONYMOUS_REQUESTS_PER_MINUTE,
    trustedProxies: values.TRUSTED_PROXIES,
    outgoingAllowedHosts: values.OUTGOING_ALLOWED_HOSTS,
    jobSlots: values.JOB_SLOTS,
    tenantErasureDays: values.TENANT_ERASURE_DAYS,
    // In development nothing probes the readiness, so Ctrl-C stops at once.
    drainMs: (values.DRAIN_SECONDS ?? (values.NODE_ENV === 'production' ? 5 : 0)) * 1_000,
  };
  tried(() => refuseSharedDoor(config), undefined);
  problems.push(...wrongCombinations(config, values, purpose));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

/** What is wrong although each variable by itself is right: one sentence each. */
function wrongCombinations(
  config: Config,
  values: z.infer<typeof environment>,
  purpose: 'serve' | 'command',
): string[] {
  const { production, databaseUrl } = config;
  const others =
    config.databaseOwnerUrl ?? config.databaseOperatorUrl ?? config.databaseListenUrl ?? config.replica;
  const told: readonly (string | false | undefined)[] = [
    (values.OIDC_ISSUER === undefined) !== (values.OIDC_CLIENT_ID === undefined) &&
      'OIDC_ISSUER and OIDC_CLIENT_ID belong together: say where the users of the dashboard log in, and as which client.',
    databaseUrl === undefined &&
      (others !== undefined
        ? 'DATABASE_URL is missing: the server itself connects as tenantry_app, never as the owner.'
        : production && 'DATABASE_URL is missing: in production the server does not start its own database.'),
    config.trustedDocumentsOnly &&
      config.trustedDocuments === undefined &&
      'TRUSTED_DOCUMENTS is missing: say which documents are the only ones.',
    config.trustedDocumentsOnly &&
      config.federation &&
      'TRUSTED_DOCUMENTS_ONLY and FEDERATION exclude each other: a router writes its documents itself.',
    config.smtpUrl !== undefined &&
      !(values.APP_URL && values.MAIL_FROM) &&
      'APP_URL or MAIL_FROM is missing: with SMTP_URL, say where the links in mails lead, and who sends them.',
    production &&
      config.logSql === 'plans' &&
      'LOG_SQL=explain is not for production: plans show values. LOG_SQL=1 does not.',
    production &&
      config.jwksUri !== undefined &&
      !(values.JWT_ISSUER && values.JWT_AUDIENCE) &&
      'JWT_ISSUER or JWT_AUDIENCE is missing: say whose tokens JWKS_URI verifies, and for whom.',
    production &&
      purpose === 'serve' &&
      config.jwtSecret === undefined &&
      config.jwksUri === undefined &&
      'JWT_SECRET or JWKS_URI is missing: in production there is no default to verify tokens with.',
    ...(production
      ? [
          weakness('JWT_SECRET', config.jwtSecret),
          weakness('OPERATOR_JWT_SECRET', config.operatorDoor?.secret),
          weakness('CONTEXT_SIGNING_KEY', config.contextSigningKey),
          ...config.encryptionKeys.map((key) => weakness('ENCRYPTION_KEYS', key)),
        ]
      : []),
  ];
  return told.filter((sentence) => typeof sentence === 'string');
}

/** The prefix of development secrets, so that production can recognise and refuse one. */
export const DEVELOPMENT_SECRET_PREFIX = 'development-';

const PLACEHOLDER =
  /(^|[-_ ])(dev|test)([-_ ]|$)|development|change.?me|example|placeholder|insecure|secret|password/i;

function weakness(variable: string, secret: string | undefined): string | undefined {
  if (secret === undefined) return undefined;
  if (Buffer.byteLength(secret) < SHORTEST_SECRET) {
    return `${variable} is too short for production: use at least ${SHORTEST_SECRET} random bytes.`;
  }
  if (secret.startsWith(DEVELOPMENT_SECRET_PREFIX) || PLACEHOLDER.test(secret) || new Set(secret).size < 10) {
    return `${variable} looks like a development secret: make one with \`openssl rand -base64 48\`.`;
  }
  return undefined;
}

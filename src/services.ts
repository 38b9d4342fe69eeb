/** Puts the parts of a running server together, and takes them apart in order. */
import { join } from 'node:path';
import { createTokenVerifier } from './auth/verify-token.js';
import type { Services } from './app.js';
import type { Config } from './config.js';
import { DocumentReader } from './documents/document-reader.js';
import { Documents } from './documents/documents.js';
import { readTrustedDocuments } from './documents/trusted-documents.js';
import { buildApi } from './graphql/schema.js';
import type { Module } from './graphql/module.js';
import { createMailer } from './mail/mailer.js';
import { createInvitationAcceptance } from './tenancy/accept-invitation.js';
import { ACCESS_CHANNEL, accessNews } from './tenancy/access-news.js';
import { recordApiKeyUse } from './tenancy/api-key-use.js';
import { CHANGES_CHANNEL, changeNews } from './tenancy/change-news.js';
import { openDatabase, type Database } from './tenancy/database.js';
import { listen } from './tenancy/notifications.js';
import { createAccessResolver } from './tenancy/resolve-access.js';
import { createApiKeyResolver } from './tenancy/resolve-api-key.js';
import type { TransactionLimits } from './tenancy/tenant-client.js';

/** How long a tenant's transaction may wait and last. */
export const LIMITS: TransactionLimits = { maxWait: 2_000, timeout: 10_000, statementTimeout: 5_000 };

export interface RunningServices extends Services {
  readonly database: Database;
  /** Closes the connections to the database. Call it when no request is left. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly config: Config;
  readonly modules: readonly Module[];
  /** As tenantry_app. */
  readonly databaseUrl: string;
  /** What contexts are signed with. Undefined: they are not. */
  readonly contextKey?: string | undefined;
  /** What HS256 tokens are verified with. */
  readonly secret: string | undefined;
  readonly warn: (problem: string) => void;
}

/**
 * @throws UnguardedSchemaError when a module leaves a field unguarded; TrustedDocumentsError when the trusted documents
 * cannot be used.
 */
export function createServices({
  config,
  modules,
  databaseUrl,
  contextKey,
  secret,
  warn,
}: ServiceOptions): RunningServices {
  const api = buildApi(modules);
  const trusted = config.trustedDocuments ? readTrustedDocuments(config.trustedDocuments, api.schema) : [];
  const database = openDatabase({
    url: databaseUrl,
    poolSize: config.poolSize,
    limits: LIMITS,
    contextKey,
    onConnectionError: (error) => warn(`a connection to the database failed: ${error.message}`),
  });
  const notifications = listen({
    listenUrl: config.databaseListenUrl ?? databaseUrl,
    databaseUrl,
    channels: [ACCESS_CHANNEL, CHANGES_CHANNEL],
    onProblem: (problem) => warn(`memberships are not cached for now: ${problem}`),
  });
  // Hears of changed access first: what was kept of it is dropped before anybody is asked again.
  const news = accessNews(notifications);
  const access = createAccessResolver(database, news);
  const apiKeys = createApiKeyResolver(database, news);
  const changes = changeNews(notifications, database, warn);
  const apiKeyUse = recordApiKeyUse(database, warn);
  const mailFolder = join(config.dataDir, 'mail');
  if (config.production && config.smtpUrl === undefined) {
    warn(`SMTP_URL is not set: mails are written to ${mailFolder}`);
  }
  return {
    config,
    api,
    database,
    documents: new Documents(trusted, config.trustedDocumentsOnly),
    documentReader: new DocumentReader({ schema: api.schema, hideSuggestions: config.production }),
    news,
    changes,
    authentication: {
      verifyToken: createTokenVerifier({
        secret,
        jwksUri: config.jwksUri,
        issuer: config.jwtIssuer,
        audience: config.jwtAudience,
      }),
      access,
      apiKeys,
      apiKeyUse,
      roles: api.roles,
      baseDomain: config.baseDomain,
    },
    invitations: {
      accept: createInvitationAcceptance(database),
      mailer: createMailer({ smtpUrl: config.smtpUrl, from: config.mailFrom, folder: mailFolder }),
      appUrl: config.appUrl,
      days: config.invitationDays,
    },
    close: async () => {
      await apiKeyUse.close();
      changes.close();
      await notifications.close();
      await database.close();
    },
  };
}

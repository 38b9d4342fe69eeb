/** Creates the parts of a running server, and closes them in order. */
import { join } from 'node:path';
import { createTokenVerifier } from './kernel/auth/verify-token.js';
import { clientAddress } from './http/client-address.js';
import type { Services } from './http/services.js';
import { OwnWrites } from './http/own-writes.js';
import { Shedding } from './http/shedding.js';
import { createOperators } from './create-operators.js';
import { createBackgrounds, type Background, type CellBackground } from './background.js';
import { openCells } from './open-cells.js';
import { warnOfMissing } from './missing-settings.js';
import { openLogin, openOperatorLogin, openProviderKeys } from './identity-provider.js';
import type { Inform } from './statement-log.js';
import type { Config } from './kernel/config/config.js';
import { DocumentReader } from './services/documents/document-reader.js';
import { LeavingErrors } from './services/telemetry/leaving-errors.js';
import { TenantActivity } from './services/telemetry/tenant-activity.js';
import { TenantUsage } from './services/telemetry/tenant-usage.js';
import { FieldUsage } from './services/field-usage/field-usage.js';
import { Problems } from './services/telemetry/problems.js';
import { Documents } from './services/documents/documents.js';
import { readTrustedDocuments } from './services/documents/trusted-documents.js';
import { buildApi } from './kernel/graphql/schema.js';
import { moduleContext, type Module } from './kernel/graphql/module.js';
import { Outgoing } from './kernel/outgoing/outgoing.js';
import { plansOfTenants, readPlans } from './services/limits/plans.js';
import { limitedResources, refuseUnknownQuotas, type LimitedResource } from './services/limits/quotas.js';
import { openRates } from './services/rates/open-rates.js';
import { jobHandlers } from './services/jobs/handlers.js';
import { statisticsOf } from './services/jobs/job-queue.js';
import { TenantExports } from './services/lifecycle/tenant-exports.js';
import { createMailer } from './services/mail/mailer.js';
import { AccessRecords } from './services/access-records/access-records.js';
import { AuditTrail } from './services/audit-trail/audit-trail.js';
import { Sealing } from './services/audit-trail/sealing.js';
import type { SealKeys } from './services/audit-trail/seal-keys.js';
import { countSubscriptions } from './services/subscriptions/count-subscription.js';
import { Connections } from './services/subscriptions/connections.js';
import { Settings } from './services/settings/settings.js';
import { SealedSecrets } from './services/secrets/sealed-secrets.js';
import { ShownRows } from './services/webhooks/shown-rows.js';
import { recordApiKeyUse } from './kernel/auth/api-key-use.js';
import type { DelayLimits } from './kernel/pool/queue-delays.js';
import type { Database } from './kernel/tenancy/database.js';
import { createReadiness } from './kernel/database/readiness.js';
import type { TransactionLimits } from './kernel/tenancy/tenant-client.js';

/** Time limits of a tenant's transaction, in milliseconds. */
export const LIMITS: TransactionLimits = { maxWait: 2_000, timeout: 10_000, statementTimeout: 5_000 };

export interface RunningServices extends Services, Background {
  readonly config: Config;
  /** What plans can limit: see `publishQuotas`. */
  readonly limitedResources: readonly LimitedResource[];
  readonly database: Database;
  /** What runs for the cells beside the default one. */
  readonly others: readonly CellBackground[];
  /** Closes the connections to the database. Call it when no request is running. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly config: Config;
  readonly modules: readonly Module[];
  /** The URL of the role tenantry_app. */
  readonly databaseUrl: string;
  /** The URL of the role tenantry_operator, for the operators' door. */
  readonly operatorUrl?: string | undefined;
  /** The key that signs contexts; undefined when they are unsigned. */
  readonly contextKey?: string | undefined;
  /** The keys of the audit trail; undefined when nothing is sealed. */
  readonly sealKeys?: SealKeys | undefined;
  /** Default: {@link LIMITS}. */
  readonly limits?: TransactionLimits | undefined;
  /** When a queue of requests counts as too long. Default: as for a running server. */
  readonly queueDelays?: DelayLimits | undefined;
  /** Verifies HS256 tokens. */
  readonly secret: string | undefined;
  /** Encrypt secrets at rest. Default: those of the configuration. */
  readonly encryptionKeys?: readonly string[] | undefined;
  /** Writes a line of the log that LOG_SQL asks for. Undefined: none is written. */
  readonly inform?: Inform | undefined;
  /** Writes a warning to the log. */
  readonly warn: (problem: string, fields?: Readonly<Record<string, unknown>>) => void;
}

/**
 * @throws Error when two modules handle the same job; UnguardedSchemaError when a module leaves a field unguarded; TrustedDocumentsError when the trusted documents
 * cannot be used; ConfigError when the plans file cannot be used.
 */
export function createServices({
  config,
  modules,
  databaseUrl,
  operatorUrl,
  contextKey,
  sealKeys,
  limits = LIMITS,
  queueDelays,
  secret,
  encryptionKeys = config.encryptionKeys,
  inform,
  warn,
}: ServiceOptions): RunningServices {
  const plans = readPlans(config.plansFile);
  const resources = limitedResources(modules);
  const handlers = jobHandlers(modules);
  const problems = new Problems(warn);
  const providerKeys =
    config.jwksUri === undefined ? undefined : openProviderKeys(config.jwksUri, config, problems);
  const api = buildApi(modules, {
    undeclaredErrors: config.production ? 'pass' : 'refuse',
    limits: config.documentLimits,
    federation: config.federation,
  });
  const trusted = config.trustedDocuments ? readTrustedDocuments(config.trustedDocuments, api.schema) : [];
  refuseUnknownQuotas(plans, resources);
  const tenantUsage = new TenantUsage();
  const cells = openCells({
    config,
    url: databaseUrl,
    listenUrl: config.databaseListenUrl ?? databaseUrl,
    poolSize: config.poolSize,
    replica: config.replica,
    contextKey,
    limits,
    queueDelays,
    inform,
    warn,
    onRows: (tenantId, rows) => tenantUsage.add(tenantId, 'rows', rows),
  });
  const { database, invalidations, access, apiKeys, impersonations, changes } = cells.joined;
  const readiness = createReadiness({ url: databaseUrl });
  const apiKeyUse = recordApiKeyUse(database, warn);
  const fieldUsage = new FieldUsage(api.schema);
  // A mail may contain the token of an invitation: in production it must not stay in a file on the server.
  const mailFolder = config.production ? undefined : join(config.dataDir, 'mail');
  warnOfMissing(config, encryptionKeys, warn);
  const { rates, sharing, ...openedRates } = openRates({
    redisUrl: config.redisUrl,
    redisTimeoutMs: config.redisTimeoutMs,
    anonymousPerMinute: config.anonymousRequestsPerMinute,
    problems,
    warn,
  });
  const auditTrail = new AuditTrail(database, sealKeys);
  const accessRecords = new AccessRecords({ database, access, warn, enabled: config.auditAccess });
  const tenantExports = new TenantExports({ database, urlOf: cells.urlOf, keys: sealKeys });
  const mailer = createMailer({ smtpUrl: config.smtpUrl, from: config.mailFrom, folder: mailFolder });
  const secrets = new SealedSecrets(encryptionKeys);
  const outgoing = new Outgoing({ allowed: config.outgoingAllowedHosts });
  const activity = new TenantActivity();
  const ofModules = moduleContext(modules, {
    config,
    database,
    mailer,
    limitedResources: resources,
    auditTrail,
    outgoing,
    tenantExports,
    secrets,
    rows: new ShownRows({ ...api, models: database.models }),
  });
  const context = { ...ofModules, settings: new Settings(modules) };
  const operators = createOperators({
    config,
    url: operatorUrl,
    contextKey,
    sealKeys,
    openKeys: (jwksUri) => openProviderKeys(jwksUri, config, problems),
    openLogin: (oidc, audience) => openOperatorLogin(oidc, audience, problems),
    onConnectionError: (error) => warn(`a connection of operators failed: ${error.message}`),
    onAway: ({ name, error }) =>
      warn('operators’ lists lack the tenants of a cell that does not answer', { cell: name, err: error }),
  });
  const { home, others } = createBackgrounds({
    cells,
    handlers,
    plans,
    context,
    slots: config.jobSlots,
    onAttempt: (tenantId) => tenantUsage.add(tenantId, 'jobs', 1),
    tenantUsage,
    fieldUsage,
    warn,
  });
  return {
    config,
    api,
    database,
    connections: new Connections(invalidations, config.poolSize),
    shedding: new Shedding(database.gate, queueDelays),
    addressOf: clientAddress(config.trustedProxies),
    plans,
    rates,
    sharing,
    readiness,
    login: config.oidc && openLogin(config.oidc, config.jwtAudience, problems),
    auditTrail,
    accessRecords,
    tenantExports,
    ownWrites: new OwnWrites(
      database.replica,
      encryptionKeys.length > 0 ? secrets : undefined,
      new Set(modules.flatMap((module) => module.mayLag ?? [])),
    ),
    whileErasing: new Set(modules.flatMap((module) => module.whileErasing ?? [])),
    documents: new Documents(trusted, config.trustedDocumentsOnly),
    documentReader: new DocumentReader({ schema: api.schema, hideSuggestions: config.production }),
    invalidations,
    changes,
    authentication: {
      verifyToken: createTokenVerifier({
        secret,
        providerKeys,
        issuer: config.jwtIssuer,
        audience: config.jwtAudience,
      }),
      access,
      apiKeys,
      apiKeyUse,
      impersonations,
      roles: api.roles,
      planOf: plansOfTenants(plans, problems),
      baseDomain: config.baseDomain,
    },
    limitedResources: resources,
    moduleContext: context,
    operators,
    jobStatistics: () => statisticsOf(database.all),
    ...home,
    others,
    providerKeys,
    problems,
    activity,
    tenantUsage,
    fieldUsage,
    onSubscribed: countSubscriptions(tenantUsage, fieldUsage),
    sealing: new Sealing(),
    outgoing,
    leaving: new LeavingErrors(problems),
    close: async () => {
      const backgrounds = [home, ...others];
      await Promise.all(backgrounds.map(({ worker }) => worker.stop(0)));
      await apiKeyUse.close();
      await accessRecords.close();
      await Promise.all(backgrounds.map(({ usageWriter }) => usageWriter.close()));
      await Promise.all(backgrounds.map(({ fieldWriter }) => fieldWriter.close()));
      await readiness.close();
      await openedRates.close();
      await operators?.close();
      await cells.joined.close();
      problems.close();
    },
  };
}

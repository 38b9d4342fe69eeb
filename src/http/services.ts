import type { AuthenticationParts } from '../kernel/auth/authenticate.js';
import type { ProviderKeys } from '../kernel/auth/provider-keys.js';
import type { Config } from '../kernel/config/config.js';
import type { Readiness } from '../kernel/database/readiness.js';
import type { ModuleContext } from '../kernel/graphql/request-context.js';
import type { Api } from '../kernel/graphql/schema.js';
import type { AccessInvalidations } from '../kernel/notifications/access-invalidations.js';
import type { ChangeEvents } from '../kernel/notifications/change-events.js';
import type { Outgoing } from '../kernel/outgoing/outgoing.js';
import type { Database } from '../kernel/tenancy/database.js';
import type { Plans } from '../kernel/vocabulary/plan.js';
import type { AccessRecords } from '../services/access-records/access-records.js';
import type { Sealing } from '../services/audit-trail/sealing.js';
import type { AuditTrail } from '../services/audit-trail/audit-trail.js';
import type { DocumentReader } from '../services/documents/document-reader.js';
import type { Documents } from '../services/documents/documents.js';
import type { Sharing } from '../services/rates/open-rates.js';
import type { TenantExports } from '../services/lifecycle/tenant-exports.js';
import type { TaskStatistics } from '../services/jobs/job-queue.js';
import type { Worker } from '../services/jobs/worker.js';
import type { Rates } from '../services/rates/rates.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import type { FieldUsage } from '../services/field-usage/field-usage.js';
import type { TenantUsage } from '../services/telemetry/tenant-usage.js';
import type { TenantActivity } from '../services/telemetry/tenant-activity.js';
import type { Problems } from '../services/telemetry/problems.js';
import type { ConnectionParts } from '../services/subscriptions/connection.js';
import type { Connections } from '../services/subscriptions/connections.js';
import type { ClientAddress } from './client-address.js';
import type { Login } from './login.js';
import type { OperatorServices } from './operator-services.js';
import type { OwnWrites } from './own-writes.js';
import type { Shedding } from './shedding.js';

/** The parts of the server that requests use. */
export interface Services {
  readonly config: Pick<
    Config,
    | 'production'
    | 'corsOrigins'
    | 'logLevel'
    | 'poolSize'
    | 'requestTimeoutMs'
    | 'maxAnswerBytes'
    | 'trustedProxies'
    | 'metricsToken'
    | 'metricsPort'
    | 'host'
    | 'baseDomain'
  >;
  readonly api: Api;
  readonly database: Database;
  /** The WebSockets and event streams of this process. */
  readonly connections: Connections;
  readonly shedding: Shedding;
  readonly addressOf: ClientAddress;
  readonly plans: Plans;
  readonly rates: Rates;
  /** Whether servers share the budgets of rates. */
  readonly sharing: Sharing;
  readonly readiness: Readiness;
  readonly invalidations: AccessInvalidations;
  readonly changes: ChangeEvents;
  readonly authentication: AuthenticationParts;
  readonly auditTrail: AuditTrail;
  readonly accessRecords: AccessRecords;
  readonly tenantExports: TenantExports;
  /** Root fields that the owners of a tenant may use while it waits for its erasure: `Query.exports`. */
  readonly whileErasing: ReadonlySet<string>;
  /** Says where operations are read, and keeps who reads their own writes. */
  readonly ownWrites: OwnWrites;
  readonly documents: Documents;
  readonly documentReader: DocumentReader;
  readonly moduleContext: ModuleContext;
  /** The identity provider's keys; undefined when tokens are verified only with a secret. */
  readonly providerKeys: ProviderKeys | undefined;
  /** Where users of the dashboard log in; undefined when that is not set up. */
  readonly login: (() => Promise<Login>) | undefined;
  /** Counts the jobs of all tenants. Ask it seldom. */
  readonly jobStatistics: () => Promise<readonly TaskStatistics[]>;
  /** Runs jobs in this process, once it is started. */
  readonly worker: Worker;
  /** The operators' door; undefined when it is closed. */
  readonly operators: OperatorServices | undefined;
  readonly problems: Problems;
  readonly activity: TenantActivity;
  /** What tenants use, until it is written. */
  readonly tenantUsage: TenantUsage;
  /** Which parts of the schema tenants use, until it is written. */
  readonly fieldUsage: FieldUsage;
  readonly onSubscribed: ConnectionParts['onSubscribed'];
  /** Whether this process seals the audit log, and when it has last sealed it to its end. */
  readonly sealing: Sealing;
  readonly outgoing: Outgoing;
  readonly leaving: LeavingErrors;
}

import type { AuthenticationParts } from '../kernel/auth/authenticate.js';
import type { ProviderKeys } from '../kernel/auth/provider-keys.js';
import type { Config } from '../kernel/config/config.js';
import type { Readiness } from '../kernel/database/readiness.js';
import type { ModuleContext } from '../kernel/graphql/request-context.js';
import type { Api } from '../kernel/graphql/schema.js';
import type { AccessInvalidations } from '../kernel/notifications/access-invalidations.js';
import type { ChangeEvents } from '../kernel/notifications/change-events.js';
import type { Database } from '../kernel/tenancy/database.js';
import type { DocumentReader } from '../services/documents/document-reader.js';
import type { Documents } from '../services/documents/documents.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import type { Problems } from '../services/telemetry/problems.js';

/** The parts of the server that requests use. */
export interface Services {
  readonly config: Pick<
    Config,
    'production' | 'corsOrigins' | 'logLevel' | 'poolSize' | 'requestTimeoutMs' | 'maxAnswerBytes'
  >;
  readonly api: Api;
  readonly database: Database;
  readonly readiness: Readiness;
  readonly invalidations: AccessInvalidations;
  readonly changes: ChangeEvents;
  readonly authentication: AuthenticationParts;
  readonly documents: Documents;
  readonly documentReader: DocumentReader;
  readonly moduleContext: ModuleContext;
  /** The identity provider's keys; undefined when tokens are verified only with a secret. */
  readonly providerKeys: ProviderKeys | undefined;
  readonly problems: Problems;
  readonly leaving: LeavingErrors;
}

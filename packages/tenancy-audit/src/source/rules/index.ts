/** The rules over application code, in the order of their ids. */
import type { SourceRule } from '../source-rule.js';
import { sessionSetting } from './s01-session-setting.js';
import { rootClient } from './s02-root-client.js';
import { splicedTenant } from './s03-spliced-tenant.js';
import { unsafeRaw } from './s04-unsafe-raw.js';
import { jobWithoutTenant } from './s05-job-without-tenant.js';
import { batchInExtension } from './s06-batch-in-extension.js';
import { sharedLoader } from './s07-shared-loader.js';

export const SOURCE_RULES: readonly SourceRule[] = [
  sessionSetting,
  rootClient,
  splicedTenant,
  unsafeRaw,
  jobWithoutTenant,
  batchInExtension,
  sharedLoader,
];

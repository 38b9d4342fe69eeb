/**
 * Proves over HTTP which role may read which field of the platform modules. The tables are the review: a new field, a
 * new permission or a changed guard fails until it is entered there.
 */
import { z } from 'zod';
import { apiKeyModule } from '../../src/platform/api-key/index.js';
import { auditLogModule } from '../../src/platform/audit-log/index.js';
import { auditTrailModule } from '../../src/platform/audit-trail/index.js';
import { eventModule } from '../../src/platform/event/index.js';
import { impersonationModule } from '../../src/platform/impersonation/index.js';
import { invitationModule } from '../../src/platform/invitation/index.js';
import { jobModule } from '../../src/platform/job/index.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { tenantErasureModule } from '../../src/platform/tenant-erasure/index.js';
import { tenantExportModule } from '../../src/platform/tenant-export/index.js';
import { webhookModule } from '../../src/platform/webhook/index.js';
import { provePermissions } from '../support/permission-matrix.js';
import {
  PLATFORM_ARGUMENTS,
  PLATFORM_GRANTS,
  PLATFORM_GUARDS,
  PLATFORM_MUTATIONS,
  PLATFORM_QUERIES,
} from '../support/platform-permissions.js';
import { useServer } from '../support/server.js';

const modules = [
  // With a setting, because the platform declares none, and a list of none shows no field.
  { ...tenantModule, settings: { colour: z.string().default('red').describe('Of the door.') } },
  membershipModule,
  invitationModule,
  apiKeyModule,
  auditLogModule,
  auditTrailModule,
  impersonationModule,
  eventModule,
  jobModule,
  webhookModule,
  tenantExportModule,
  tenantErasureModule,
];

provePermissions(
  useServer({ modules }),
  modules,
  {
    grants: PLATFORM_GRANTS,
    inputGuards: {
      'MembershipFilter.email': 'users:manage',
      'MembershipFilter.invitedBy': 'users:manage',
    },
    guards: { Query: PLATFORM_QUERIES, Mutation: PLATFORM_MUTATIONS, ...PLATFORM_GUARDS },
    arguments: PLATFORM_ARGUMENTS,
  },
  modules,
);

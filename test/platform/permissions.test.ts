/**
 * Proves which role is given which field of the platform modules, over HTTP and field by field. The tables below are
 * the review: a new field, a new permission or a changed guard fails until somebody has written it down here.
 */
import { apiKeyModule } from '../../src/platform/api-key/index.js';
import { auditLogModule } from '../../src/platform/audit-log/index.js';
import { invitationModule } from '../../src/platform/invitation/index.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { provePermissions } from '../support/permission-matrix.js';
import {
  PLATFORM_ARGUMENTS,
  PLATFORM_GRANTS,
  PLATFORM_GUARDS,
  PLATFORM_MUTATIONS,
  PLATFORM_QUERIES,
} from '../support/platform-permissions.js';
import { useServer } from '../support/server.js';

const modules = [tenantModule, membershipModule, invitationModule, apiKeyModule, auditLogModule];

provePermissions(
  useServer({ modules }),
  modules,
  {
    grants: PLATFORM_GRANTS,
    guards: { Query: PLATFORM_QUERIES, Mutation: PLATFORM_MUTATIONS, ...PLATFORM_GUARDS },
    arguments: PLATFORM_ARGUMENTS,
  },
  modules,
);

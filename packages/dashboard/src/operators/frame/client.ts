/** The client of one session of an operator. */
import { Client, fetchExchange } from '@urql/core';
import { authorizedFetch, type Ending } from '../../session/api.js';
import { createCache } from '../../session/cache.js';
import type { Session } from '../../session/session.js';

/** Types without an id: they belong to the object that has them. */
const KEYLESS = [
  'Operator',
  'ResourceUsage',
  'PeriodUsage',
  'TenantHealth',
  'TenantErasure',
  'AuditVerification',
  'TopTenant',
];

/** Mutations after which a list of tenants is another one. */
const CHANGES = [
  'createTenant',
  'suspendTenant',
  'resumeTenant',
  'renameTenant',
  'changeTenantPlan',
  'eraseTenant',
  'cancelTenantErasure',
];

/** @param ended called when the server refuses the token */
export const openClient = (session: Session, ended: (ending: Ending) => void): Client =>
  new Client({
    url: '/operator/graphql',
    preferGetMethod: false,
    fetch: authorizedFetch(session, ended),
    requestPolicy: 'cache-and-network',
    exchanges: [
      createCache([{ changes: Object.fromEntries(CHANGES.map((name) => [name, ['tenants']])) }], KEYLESS),
      fetchExchange,
    ],
  });

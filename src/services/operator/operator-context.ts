import type { FastifyBaseLogger } from 'fastify';
import type { AnswerBytes } from '../../kernel/request/answer-bytes.js';
import type { RequestUsage } from '../../kernel/request/request-usage.js';
import type { Deadline } from '../../kernel/request/deadline.js';
import type { Permission, PermissionGrants } from '../../kernel/vocabulary/permissions.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import type { SealKeys } from '../audit-trail/seal-keys.js';
import type { OperatorCells } from './operator-cells.js';

/** What operators may do; no role of a tenant holds any of it. */
export const OPERATOR_GRANTS: PermissionGrants = {
  'tenants:read': [],
  'tenants:manage': [],
  'tenants:impersonate': [],
  'tenants:erase': [],
};

/** The names of {@link OPERATOR_GRANTS}. */
export const OPERATOR_PERMISSIONS = Object.keys(OPERATOR_GRANTS) as readonly Permission[];

/** An operator whose token was verified. */
export interface Operator {
  /** The `sub` claim: the name in the audit logs. */
  readonly name: string;
  /** Those of {@link OPERATOR_PERMISSIONS} that the token's `scope` names. */
  readonly permissions: ReadonlySet<Permission>;
}

/** The context of the resolvers of the operators' door. It has no client of a tenant. */
export interface OperatorContext {
  /** Under the name by which guards ask for permissions. */
  readonly viewer: Operator;
  readonly tenants: OperatorCells;
  readonly plans: Plans;
  /** Undefined when this server does not know the keys of the seals. */
  readonly sealKeys: Pick<SealKeys, 'trusted'> | undefined;
  /** Days from the request of an erasure to its execution. */
  readonly erasureDays: number;
  readonly requestId: string;
  readonly deadline: Deadline;
  readonly usage: RequestUsage;
  readonly bytes: AnswerBytes;
  readonly log: FastifyBaseLogger;
}

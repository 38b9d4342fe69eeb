/**
 * The caller's memberships in the databases in which the tenant of the request is not. Each is asked by its own function that
 * answers the memberships of the bound user, in a transaction that is bound to the caller and to a tenant that does not exist.
 * So it can read these memberships and nothing else there, and no tenant can ask for those of somebody else.
 *
 * What a database says of a tenant counts only if the directory says that the tenant is there: a copy that a move has left
 * behind, or that has not arrived yet, is no membership.
 */
import { Prisma } from '../../generated/prisma/client.js';
import { Deadline } from '../../kernel/request/deadline.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';
import { unavailable } from '../../kernel/vocabulary/errors.js';
import { derivedId } from './viewer-id.js';

/** How long a database may take to answer, which may be away. */
const PATIENCE_MS = 3_000;

export interface ActorMembership {
  readonly membership_id: string;
  readonly role: Role;
  readonly joined_at: Date;
  readonly tenant_id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly created_at: Date;
  readonly version: number;
}

export interface ActorMemberships {
  /** The oldest first. */
  readonly rows: readonly ActorMembership[];
  /** Whether every database with tenants has answered. */
  readonly isAll: boolean;
}

/** Those of the bound actor in all tenants of its database; none unless it is a user. */
export const MEMBERSHIPS_OF_ACTOR = Prisma.sql`SELECT * FROM tenantry.memberships_of_actor()`;

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    /** The caller's memberships in all tenants, from those that the database of the tenant knows. */
    readonly withMembershipsElsewhere: (
      here: readonly ActorMembership[],
      caller: RequestContext,
    ) => Promise<ActorMemberships>;
  }
}

/** What the module adds to the context of every request for it. With one database, it answers what it is given. */
export const membershipsContext = (database: Pick<Database, 'at' | 'elsewhere'>) => ({
  withMembershipsElsewhere: async (
    here: readonly ActorMembership[],
    caller: RequestContext,
  ): Promise<ActorMemberships> => {
    const { tenantId, actor } = caller.viewer;
    const { served, isAll } = database.elsewhere(tenantId);
    if (actor.type !== 'user' || (served.length === 0 && isAll)) return { rows: here, isAll: true };
    const isAt = (of: Database, id: string): boolean => {
      try {
        return database.at(id) === of;
      } catch {
        return false;
      }
    };
    const own = database.at(tenantId);
    const answers = await Promise.allSettled(
      served.map(async (other) => (await read(other, caller)).filter((row) => isAt(other, row.tenant_id))),
    );
    const rows = [
      ...here.filter((row) => isAt(own, row.tenant_id)),
      ...answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    ];
    for (const answer of answers) {
      if (answer.status === 'rejected') {
        caller.log.warn(
          { err: answer.reason as unknown },
          'the memberships of a user in a cell are left out',
        );
      }
    }
    return {
      rows: rows.sort(
        (one, other) =>
          one.joined_at.getTime() - other.joined_at.getTime() || (one.tenant_id < other.tenant_id ? -1 : 1),
      ),
      isAll: isAll && answers.every(({ status }) => status === 'fulfilled'),
    };
  },
});

async function read(other: Database, caller: RequestContext): Promise<ActorMembership[]> {
  const { viewer, requestId, deadline, bytes } = caller;
  const limit = Deadline.after(Math.min(PATIENCE_MS, deadline?.remaining ?? PATIENCE_MS), 0, unavailable);
  const stop = deadline?.whenOver(() => limit.cancel());
  try {
    const client = other.forTenant({
      // Connections are shared out by tenants, so this one is another for each.
      tenantId: derivedId('no tenant', viewer.tenantId),
      actor: viewer.actor,
      plan: viewer.plan,
      requestId,
      deadline: limit,
      bytes,
    });
    return await limit.race(client.$queryRaw<ActorMembership>(MEMBERSHIPS_OF_ACTOR));
  } finally {
    stop?.();
  }
}

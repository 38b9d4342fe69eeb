/**
 * A subscription field in a few lines: which changes it is about, and what a subscriber is told of one.
 *
 * The announcement of a change is never believed. What a subscriber is told is read from the database when the change is
 * told, bound to the subscriber's own tenant and by the subscriber's permissions of that moment; and of a row that is gone,
 * the tenant's audit log has to know.
 */
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { ChangeKind, RowChange } from '../../kernel/notifications/row-change.js';
import { ChangeReader } from './change-reader.js';

/** What a subscription is about. */
export interface Subject<Args, Payload> {
  /** All of them, unless it says so. */
  readonly kinds?: readonly ChangeKind[];
  /** The ids that a change must carry, by the columns the table is published with: `{ conversation_id: … }`. */
  readonly where?: (args: Args) => Readonly<Record<string, string>>;
  /**
   * What the subscriber is told: read it through `context.db`. Null tells nothing, and is the answer for a row that is
   * not there.
   */
  readonly payload: (
    change: RowChange,
    args: Args,
    context: RequestContext,
  ) => Payload | null | Promise<Payload | null>;
}

/** The two functions of a subscription field. */
export interface SubscriptionField<Args, Payload> {
  subscribe(root: unknown, args: Args, context: RequestContext): Promise<AsyncIterable<RowChange>>;
  resolve(change: RowChange, args: Args, context: RequestContext): Payload | null | Promise<Payload | null>;
}

/**
 * @param entity the name in the audit log of a table that is published: `SELECT tenantry.publish('conversations')` is
 *   `Conversation`
 */
export function changesOf<Args, Payload>(
  entity: string,
  { kinds, where, payload }: Subject<Args, Payload>,
): SubscriptionField<Args, Payload> {
  return {
    async subscribe(_root, args, { changes }) {
      // An id is told as PostgreSQL writes it.
      const wanted = Object.entries(where?.(args) ?? {}).map(([key, id]) => [key, id.toLowerCase()] as const);
      const reader = new ChangeReader(
        (change) =>
          (kinds?.includes(change.kind) ?? true) && wanted.every(([key, id]) => change.keys[key] === id),
      );
      reader.onEnd(await changes.watch(entity, reader));
      return reader;
    },
    async resolve(change, args, context) {
      if (change.kind === 'DELETED' && !(await wasDeleted(change, context))) return null;
      return payload(change, args, context);
    },
  };
}

/** There is nothing left to read of the row but what the database itself recorded of its end. */
async function wasDeleted({ entity, id }: RowChange, { db }: RequestContext): Promise<boolean> {
  const entry = await db.auditEntry.findFirst({
    where: { entity, entityId: id, action: { endsWith: '.deleted' } },
    select: { id: true },
  });
  return entry !== null;
}

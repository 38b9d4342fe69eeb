/**
 * Defines a subscription field: its changes, and the payload of an event.
 *
 * The announcement of a change is not trusted. The payload is read from the database when the event is sent, bound to
 * the subscriber's tenant and with the subscriber's present permissions. For a deleted row, the tenant's audit log must
 * have the deletion.
 */
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { ChangeKind, RowChange } from '../../kernel/notifications/row-change.js';
import { ChangeReader } from './change-reader.js';

/** The changes and the payload of a subscription. */
export interface Subject<Args, Payload> {
  /** Default: all kinds. */
  readonly kinds?: readonly ChangeKind[];
  /** The ids that a change must have, by the published columns of the table: `{ conversation_id: … }`. */
  readonly where?: (args: Args) => Readonly<Record<string, string>>;
  /**
   * The event's payload: read it through `context.db`. Return null to send no event, also when the row does not exist.
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
 * @param entity the name of a published table in the audit log: `Conversation` for `SELECT
 * tenantry.publish('conversations')`
 */
export function changesOf<Args, Payload>(
  entity: string,
  { kinds, where, payload }: Subject<Args, Payload>,
): SubscriptionField<Args, Payload> {
  return {
    async subscribe(_root, args, { changes }) {
      // Notifications have ids in PostgreSQL's notation.
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

/** The row can no longer be read, so this checks the deletion that the database recorded. */
async function wasDeleted({ entity, id }: RowChange, { db }: RequestContext): Promise<boolean> {
  const entry = await db.auditEntry.findFirst({
    where: { entity, entityId: id, action: { endsWith: '.deleted' } },
    select: { id: true },
  });
  return entry !== null;
}

/**
 * A model in memory of what the API must answer for one tenant: its conversations, messages and audit entries, and the
 * lists and counts that follow from them. It has no data of other tenants, so an answer that depends on another tenant
 * differs from it. It goes with src/example.
 */

export interface MessageState {
  readonly id: string;
  readonly userId: string;
  readonly body: string;
}

export interface ConversationState {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly subject: string | null;
  readonly body: string;
  readonly messages: readonly MessageState[];
}

export interface AuditState {
  readonly action: string;
  readonly entity: string;
  readonly entityId: string;
}

export type OrderField = 'createdAt' | 'updatedAt';

/** A position in a list: a cursor with the sort key of its row. */
export interface Place {
  readonly cursor: string;
  readonly field: OrderField;
  readonly value: string;
  readonly id: string;
}

export interface ListRequest {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  readonly after?: Place | undefined;
  readonly before?: Place | undefined;
  readonly field: OrderField;
  readonly direction: 'ASC' | 'DESC';
  readonly userId?: string | undefined;
  readonly search?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface ListAnswer {
  readonly rows: readonly ConversationState[];
  readonly totalCount: number;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

const DEFAULT_PAGE = 20;

export class TenantModel {
  readonly conversations = new Map<string, ConversationState>();
  /** The audit entries that this run added, oldest first. */
  readonly audit: AuditState[] = [];

  /** @param earlierEntries the number of entries in the audit log before the run */
  constructor(readonly earlierEntries: number) {}

  created(conversation: ConversationState): void {
    this.conversations.set(conversation.id, conversation);
    this.record('created', 'Conversation', conversation.id);
  }

  updated(conversation: ConversationState): void {
    this.conversations.set(conversation.id, conversation);
    this.record('updated', 'Conversation', conversation.id);
  }

  deleted(id: string): void {
    const messages = this.conversations.get(id)?.messages ?? [];
    this.conversations.delete(id);
    this.record('deleted', 'Conversation', id);
    for (const message of messages) this.record('deleted', 'Message', message.id);
  }

  posted(conversationId: string, message: MessageState): void {
    const conversation = this.conversations.get(conversationId);
    if (!conversation) throw new Error('a message was posted to a conversation the model does not have');
    this.conversations.set(conversationId, {
      ...conversation,
      messages: [...conversation.messages, message],
    });
    this.record('created', 'Message', message.id);
  }

  list(request: ListRequest): ListAnswer {
    const { first, last, after, before, field, direction } = request;
    const sign = direction === 'ASC' ? 1 : -1;
    const compare = (a: Place | Key, b: Place | Key) => sign * compareKeys(a, b);
    const key = (row: ConversationState): Key => ({ value: row[field], id: row.id });
    const matching = [...this.conversations.values()]
      .filter((row) => matches(row, request))
      .sort((a, b) => compare(key(a), key(b)));
    const between = matching
      .filter((row) => !after || compare(key(row), after) > 0)
      .filter((row) => !before || compare(key(row), before) < 0);
    const size = first ?? last ?? DEFAULT_PAGE;
    const more = between.length > size;
    const backward = last !== undefined;
    return {
      rows: backward ? between.slice(Math.max(0, between.length - size)) : between.slice(0, size),
      totalCount: matching.length,
      hasNextPage: backward ? before !== undefined : more,
      hasPreviousPage: backward ? more : after !== undefined,
    };
  }

  private record(event: string, entity: 'Conversation' | 'Message', entityId: string): void {
    this.audit.push({ action: `${entity.toLowerCase()}.${event}`, entity, entityId });
  }
}

interface Key {
  readonly value: string;
  readonly id: string;
}

/** Compares like PostgreSQL: both times and UUIDs sort as text. */
function compareKeys(a: Key, b: Key): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return 0;
}

function matches(row: ConversationState, { userId, search, from, to }: ListRequest): boolean {
  const contains = (text: string | null) =>
    text?.toLowerCase().includes((search ?? '').toLowerCase()) ?? false;
  return (
    (userId === undefined || row.userId === userId) &&
    (search === undefined || contains(row.subject) || contains(row.body)) &&
    (from === undefined || row.createdAt >= from) &&
    (to === undefined || row.createdAt < to)
  );
}

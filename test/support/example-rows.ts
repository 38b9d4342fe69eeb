/** Inserts rows of the example domain directly into the database. It goes with src/example. */
import type { TestDatabase } from './database.js';

export interface NewConversation {
  readonly id?: string;
  readonly userId?: string;
  readonly subject?: string | null;
  readonly body?: string;
  readonly createdAt?: string;
  readonly updatedAt?: string;
}

/** @returns the conversation's id. */
export async function insertConversation(
  database: TestDatabase,
  tenant: string,
  { id, userId, subject = null, body = 'a body', createdAt, updatedAt }: NewConversation = {},
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO conversations (tenant_id, id, user_id, subject, body, created_at, updated_at)
     VALUES ($1, coalesce($2, tenantry.uuid_v7()), $3, $4, $5, coalesce($6, now()), coalesce($7, now()))
     RETURNING id`,
    [
      await database.tenantId(tenant),
      id ?? null,
      userId ?? `demo|${tenant}|owner`,
      subject,
      body,
      createdAt ?? null,
      updatedAt ?? createdAt ?? null,
    ],
  );
  return row!.id;
}

export interface NewMessage {
  readonly conversationId: string;
  readonly body?: string;
  readonly createdAt?: string;
}

/** @returns the message's id. */
export async function insertMessage(
  database: TestDatabase,
  tenant: string,
  { conversationId, body = 'a message', createdAt }: NewMessage,
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO messages (tenant_id, conversation_id, user_id, body, created_at)
     VALUES ($1, $2, $3, $4, coalesce($5, now())) RETURNING id`,
    [await database.tenantId(tenant), conversationId, `demo|${tenant}|owner`, body, createdAt ?? null],
  );
  return row!.id;
}

import type { ConversationFilter } from '../../generated/graphql.js';
import { Prisma, type Conversation } from '../../generated/prisma/client.js';
import type { OrderDirection, Page } from '../../kernel/graphql/connection.js';
import { searchCount, searchPage, type Search } from '../../kernel/graphql/search.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import type { ConversationOrderField } from './order-field.js';

const CONVERSATIONS = {
  from: Prisma.sql`public.conversations`,
  columns: Prisma.sql`tenant_id AS "tenantId", id, user_id AS "userId", subject, body, version,
    created_at AS "createdAt", updated_at AS "updatedAt"`,
  texts: [Prisma.sql`subject`, Prisma.sql`body`],
  candidates: Prisma.sql`tenantry.candidates_of_conversations`,
};

const COLUMNS: Readonly<Record<ConversationOrderField, Prisma.Sql>> = {
  createdAt: Prisma.sql`created_at`,
  updatedAt: Prisma.sql`updated_at`,
};

/** Conversations whose subject or body contains `filter.search`, ignoring case. */
export const findConversations = (
  db: TenantClient,
  filter: ConversationFilter & { search: string },
  page: Page,
  { field, direction }: { field: ConversationOrderField; direction: OrderDirection },
): Promise<Conversation[]> =>
  searchPage(db, CONVERSATIONS, searchOf(filter), page, { column: COLUMNS[field], direction });

/** The number of these conversations. */
export const countConversations = (
  db: TenantClient,
  filter: ConversationFilter & { search: string },
): Promise<number> => searchCount(db, CONVERSATIONS, searchOf(filter));

const searchOf = ({ search, userId, createdAt }: ConversationFilter & { search: string }): Search => ({
  term: search,
  conditions: [
    ...(userId != null ? [Prisma.sql`user_id = ${userId}`] : []),
    ...(createdAt?.from != null
      ? [Prisma.sql`created_at >= ${createdAt.from.toISOString()}::timestamptz`]
      : []),
    ...(createdAt?.to != null ? [Prisma.sql`created_at < ${createdAt.to.toISOString()}::timestamptz`] : []),
  ],
});

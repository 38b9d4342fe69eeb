import type { ConversationFilter, ConversationOrderField } from '../../generated/graphql.js';
import { Prisma, type Conversation } from '../../generated/prisma/client.js';
import type { Page } from '../../kernel/graphql/connection.js';
import { searchCount, searchPage, type Search, type SearchOrder } from '../../kernel/graphql/search.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';

const CONVERSATIONS = {
  from: Prisma.sql`public.conversations`,
  columns: Prisma.sql`tenant_id AS "tenantId", id, user_id AS "userId", subject, body, version,
    created_at AS "createdAt", updated_at AS "updatedAt"`,
  texts: [Prisma.sql`subject`, Prisma.sql`body`],
  candidates: Prisma.sql`tenantry.candidates_of_conversations`,
};

/** The orders of a list of conversations; each has an index that starts with the tenant. */
export const SORT_KEYS: Readonly<
  Record<ConversationOrderField, { readonly key: SortKey; readonly column: Prisma.Sql }>
> = {
  CREATED_AT: { key: sortBy('Conversation', 'createdAt'), column: Prisma.sql`created_at` },
  UPDATED_AT: { key: sortBy('Conversation', 'updatedAt'), column: Prisma.sql`updated_at` },
};

/** Conversations whose subject or body contains `filter.search`, ignoring case. */
export const findConversations = (
  db: TenantClient,
  filter: ConversationFilter & { search: string },
  page: Page,
  order: SearchOrder,
): Promise<Conversation[]> => searchPage(db, CONVERSATIONS, searchOf(filter), page, order);

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

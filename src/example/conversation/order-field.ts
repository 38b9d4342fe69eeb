/** The columns a list of conversations can be ordered by; each has an index that starts with the tenant. */
export type ConversationOrderField = 'createdAt' | 'updatedAt';

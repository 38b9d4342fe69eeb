import { z } from 'zod';

/** Who may delete a conversation. */
export const DELETION = ['members', 'author'] as const;

declare module '../../kernel/vocabulary/settings.js' {
  interface TenantSettings {
    readonly conversationDeletion: (typeof DELETION)[number];
  }
}

export const settings = {
  conversationDeletion: z
    .enum(DELETION)
    .default('members')
    .describe(
      'Who may delete a conversation: all members with the permission conversations:write, or its author only.',
    ),
};

import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';

const CONVERSATIONS: readonly {
  by: Role;
  subject: string;
  body: string;
  replies: readonly [Role, string][];
}[] = [
  {
    by: 'owner',
    subject: 'Welcome',
    body: 'Everything you see here belongs to this tenant only.',
    replies: [
      ['admin', 'And every change of it is in the audit log.'],
      ['member', 'Good to know!'],
    ],
  },
  {
    by: 'admin',
    subject: 'Invoice of October',
    body: 'Has anybody seen the invoice of October?',
    replies: [['owner', 'It went out this morning.']],
  },
  { by: 'member', subject: 'Lunch', body: 'Pizza on Friday?', replies: [] },
];

/** Creates a few conversations, each as its author. */
export async function seedDemo(as: (role: Role) => TenantClient): Promise<void> {
  for (const { by, subject, body, replies } of CONVERSATIONS) {
    const author = as(by);
    const conversation = await author.conversation.create({
      data: { subject, body, userId: author.context.actor.id },
    });
    for (const [role, reply] of replies) {
      const client = as(role);
      await client.message.create({
        data: { conversationId: conversation.id, body: reply, userId: client.context.actor.id },
      });
    }
  }
}

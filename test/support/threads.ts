/** Conversations with one message each, and the keys with which attacks name them. */
import type { Target } from './isolation-probe.js';

/** A conversation with one message. Both contain the planted text. */
export interface Thread {
  readonly conversationId: string;
  readonly messageId: string;
  readonly text: string;
}

export type ThreadTarget = Target<Thread>;

export const conversationOf = (tenantId: string, { conversationId }: Thread) => ({
  tenantId_id: { tenantId, id: conversationId },
});
export const messageOf = (tenantId: string, { messageId }: Thread) => ({
  tenantId_id: { tenantId, id: messageId },
});
export const theirConversation = (t: ThreadTarget) => conversationOf(t.foreign, t.theirs);
export const myConversation = (t: ThreadTarget) => conversationOf(t.own, t.mine);
export const theirMessage = (t: ThreadTarget) => messageOf(t.foreign, t.theirs);
export const myMessage = (t: ThreadTarget) => messageOf(t.own, t.mine);
export const post = ({ graffiti }: ThreadTarget) => ({ userId: 'attacker', body: graffiti });

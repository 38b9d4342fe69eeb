/** A server for the tests that change conversations and messages. */
import { useMutations } from './mutations.js';
import { useServer } from './server.js';

export const TABLES = ['conversations', 'messages'];

export const MISSING = '01900000-0000-7000-8000-000000000000';

/** A text that must be returned unchanged. */
export const TEXT = 'Zeile 1\r\nZeile 2\t“quoted” <b>&amp;</b> \u{1F600} e\u0301 \u200f$1 %s \\ \' "';
export const CONVERSATION =
  'conversation { id subject body userId createdAt updatedAt author { userId } messages { totalCount } }';

/** Call it at the top level. */
export function useConversations() {
  const server = useServer();
  const { run, succeed, refused } = useMutations(server, TABLES);

  const messagesOf = async (conversationId: string) =>
    (
      await server().database.asSuperuser<{ id: string }>(
        'SELECT id FROM messages WHERE conversation_id = $1',
        [conversationId],
      )
    ).map(({ id }) => id);

  return { server, run, succeed, refused, messagesOf };
}

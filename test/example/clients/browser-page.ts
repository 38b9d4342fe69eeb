/** The page of the test in a browser: subscribes with a client of the documentation, and tells the test what it sees. */
import type { Session } from './session.js';
import { createStreamClient } from './stream-client.js';
import { createSubscriptionClient } from './subscription-client.js';

interface Page {
  /** Given by the test. */
  tell(what: string, value?: string): void;
  start(way: 'websocket' | 'stream', url: string, token: string): void;
}
const page = globalThis as unknown as Page;

const CHANGED = 'subscription { conversationChanged { conversation { subject } } }';
const SHOWN = '{ conversations(first: 50) { nodes { subject } } }';

interface Changed {
  readonly conversationChanged: { readonly conversation: { readonly subject: string } };
}
interface Shown {
  readonly data: { readonly conversations: { readonly nodes: readonly { readonly subject: string }[] } };
}

page.start = (way, url, token) => {
  const readAgain = async () => {
    page.tell('missed');
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: SHOWN }),
    });
    const { data } = (await answer.json()) as Shown;
    for (const { subject } of data.conversations.nodes) page.tell('seen', subject);
  };
  const missed = () => void readAgain();
  const session: Session = {
    url,
    token: async () => token,
    fetch: (...request) =>
      fetch(...request).catch((error: unknown) => {
        page.tell('refused');
        throw error;
      }),
  };
  const sink = {
    next: ({ data }: { data?: Changed | null }) =>
      page.tell('seen', data?.conversationChanged.conversation.subject),
    error: (error: unknown) => page.tell('ended', String(error)),
    complete: () => page.tell('ended', 'completed'),
  };
  if (way === 'stream') {
    createStreamClient(session, missed).subscribe<Changed>({ query: CHANGED }, sink);
    return;
  }
  const client = createSubscriptionClient(session, missed);
  client.on('error', () => page.tell('refused'));
  client.subscribe<Changed>({ query: CHANGED }, sink);
};

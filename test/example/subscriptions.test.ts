import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

const server = useServer();
endSubscribersAfterEach();

test('smoke', async () => {
  const member = await server().as('member', 'acme');
  const client = subscriberOf(server(), member);
  const watched = await inForce(server(), () =>
    client.subscribe('subscription { conversationChanged { kind id conversation { subject author { email userId } } } }'),
  );
  const r = await member.query('mutation { createConversation(input: {subject: "s", body: "b"}) { conversation { id } } }');
  console.log(JSON.stringify(r.data));
  await until('x', () => watched.messages.length > 0 || watched.end !== undefined, 3000);
  console.log(JSON.stringify(watched.messages), watched.end, client.closed);
  expect(watched.messages.length).toBe(1);
  for (const document of ['subscription { conversationChanged { id } }', 'subscription($x: Boolean!) { conversationChanged @skip(if: $x) { id } }', 'subscription { conversationChanged @skip(if: true) { id } }', 'subscription($x: Boolean!) { conversationChanged { id } ...F } fragment F on Subscription { conversationChanged @skip(if: $x) { id } }']) {
    const a = await member.query(document, {x: true});
    console.log(a.status, a.text);
  }
});

/** Webhooks of the example's own events: thin, full, and too large. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { useWebhooks } from '../support/webhooks.js';

const { server, succeed, create, send } = useWebhooks();

let receiver: Receiver;
beforeEach(async () => {
  await server().database.asSuperuser('DELETE FROM webhooks; DELETE FROM tenantry.jobs');
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const converse = async (body: string): Promise<string> => {
  const { payload } = await succeed<{ conversation: { id: string } }>(
    'createConversation',
    'conversation { id }',
    { body, subject: 'a subject' },
    { user: 'member' },
  );
  return payload.conversation.id;
};

test('a thin message has the id and the kind, and nothing of the row', async () => {
  await create({ url: receiver.url, events: ['conversation.created'] });
  const id = await converse('the text');
  await send();
  const { body } = receiver.received[0]!;
  expect(JSON.parse(body)).toMatchObject({
    type: 'conversation.created',
    data: { entity: 'Conversation', id },
  });
  expect(body).not.toMatch(/the text|a subject/);
});

test('a full message has the row as the schema calls it', async () => {
  await create({ url: receiver.url, events: ['conversation.created'], payload: 'FULL' });
  const id = await converse('the text');
  await succeed(
    'updateConversation',
    'conversation { id }',
    { id, body: 'the text now' },
    { user: 'member' },
  );
  await send();
  expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({
    data: {
      id,
      row: {
        id,
        subject: 'a subject',
        // As it is when it is sent.
        body: 'the text now',
        userId: 'demo|acme|member',
        version: 2,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      },
    },
  });
});

test('a row that is too large is left out', async () => {
  await create({ url: receiver.url, events: ['conversation.created'], payload: 'FULL' });
  await converse('ü'.repeat(10_000));
  await send();
  const { body } = receiver.received[0]!;
  expect(JSON.parse(body)).toMatchObject({ data: { row: null, rowMissing: 'too_large' } });
  expect(Buffer.byteLength(body)).toBeLessThan(20_000);
});

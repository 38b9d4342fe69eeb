/**
 * Proves that an update of a conversation with an expected version never overwrites a change that its author has not
 * seen.
 */
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { useMutations, whatTheAnswerTells } from '../support/mutations.js';
import { auditRows } from '../support/rows.js';
import { useServer } from '../support/server.js';

const server = useServer();
const { clientOf, run, succeed, refused } = useMutations(server, ['conversations', 'messages']);

const SELECTION = 'conversation { id body version }';
const MISSING = '01900000-0000-7000-8000-000000000000';

interface Payload {
  readonly conversation: { readonly id: string; readonly body: string; readonly version: number };
}

const existing = async (tenant = 'acme') =>
  encodeId(
    'Conversation',
    await insertConversation(server().database, tenant, {
      subject: 'Old',
      body: 'old',
      createdAt: '2024-01-01T00:00:00.000Z',
    }),
  );

describe('updateConversation with an expected version', () => {
  test('succeeds when it is that, and answers with the next one', async () => {
    const id = await existing();
    for (const expectedVersion of [1, 2, 3]) {
      const body = `body ${String(expectedVersion)}`;
      const { payload } = await succeed<Payload>('updateConversation', SELECTION, {
        id,
        body,
        expectedVersion,
      });
      expect(payload.conversation).toEqual({ id, body, version: expectedVersion + 1 });
    }
  });

  test('is a CONFLICT when it is another, with the present state, and changes nothing', async () => {
    const id = await existing();
    await succeed('updateConversation', SELECTION, { id, body: 'newer' }, { user: 'admin' });
    const { current, ...rest } = await refused('updateConversation', SELECTION, {
      id,
      body: 'mine',
      expectedVersion: 1,
    });
    expect(rest).toEqual({ code: 'CONFLICT' });
    expect(current).toEqual({
      id,
      version: 2,
      subject: 'Old',
      body: 'newer',
      userId: 'demo|acme|owner',
      createdAt: '2024-01-01T00:00:00.000Z',
      updatedAt: expect.stringMatching(/^20\d\d-.*Z$/) as string,
    });
  });

  test('counts changes of the conversation, not its messages', async () => {
    const id = await existing();
    await insertMessage(server().database, 'acme', { conversationId: id });
    await succeed('updateConversation', SELECTION, { id, body: 'new', expectedVersion: 1 });
  });

  test('by many at once succeeds for one, and each change is counted', async () => {
    const id = await existing();
    await clientOf('owner');
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_value, at) =>
        run<Payload>('updateConversation', SELECTION, { id, body: `body ${String(at)}`, expectedVersion: 1 }),
      ),
    );
    expect(answers.flatMap(({ data }) => data['updateConversation'] ?? [])).toHaveLength(1);
    const updates = (await auditRows(server().database, 'acme')).filter(
      ({ entity_id, action }) => entity_id === bareId(id) && action === 'conversation.updated',
    );
    expect(updates).toHaveLength(1);
  });

  test('and read, changed and written by many, loses no change', async () => {
    const id = await existing();
    const client = await clientOf('owner');
    const append = async (letter: string): Promise<void> => {
      const { data } = await client.query<{ conversation: Payload['conversation'] }>(
        'query ($id: ID!) { conversation(id: $id) { id body version } }',
        { id },
      );
      const { body, version } = data.conversation;
      const { errors } = await run('updateConversation', SELECTION, {
        id,
        body: body + letter,
        expectedVersion: version,
      });
      if (errors.length > 0) await append(letter);
    };
    const letters = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(letters.map(append));
    const [row] = await server().database.asSuperuser<{ body: string; version: number }>(
      'SELECT body, version FROM conversations WHERE id = $1',
      [id],
    );
    expect(row!.version).toBe(6);
    expect(Array.from(row!.body.slice('old'.length)).sort()).toEqual(letters);
  });

  test('tells nothing of a conversation of another tenant: it answers as if there were none', async () => {
    const foreign = await existing('globex');
    const input = { body: 'mine', expectedVersion: 7 };
    const answers = [];
    for (const id of [foreign, MISSING, `message_${MISSING}`]) {
      expect(await refused('updateConversation', SELECTION, { id, ...input })).toEqual({ code: 'NOT_FOUND' });
      answers.push(whatTheAnswerTells(await run('updateConversation', SELECTION, { id, ...input })));
    }
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
  });
});

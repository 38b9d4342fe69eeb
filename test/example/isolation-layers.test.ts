/**
 * Proves that each of the two layers of isolation isolates alone where rows belong to other rows: conversations and
 * their messages, written and read through relations. Without both layers, each attack succeeds.
 */
import { expect, test } from 'vitest';
import { READS, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { useDatabase } from '../support/database.js';
import { probe, type Ground } from '../support/isolation-probe.js';
import { bind, connected, useDemoTenants } from '../support/demo-tenants.js';
import { reads } from '../support/example-thread-reads.js';
import { writes } from '../support/example-thread-writes.js';
import type { Thread } from '../support/threads.js';

const threads: Ground<Thread> = {
  tables: ['conversations', 'messages'],
  async plant(database, tenantId, text) {
    const [row] = await database.asSuperuser<{ conversationId: string; messageId: string }>(
      `WITH conversation AS (
         INSERT INTO conversations (tenant_id, user_id, subject, body) VALUES ($1, 'author', $2, $2) RETURNING id
       ), message AS (
         INSERT INTO messages (tenant_id, conversation_id, user_id, body)
         SELECT $1, id, 'author', $2 FROM conversation RETURNING id
       )
       SELECT conversation.id AS "conversationId", message.id AS "messageId" FROM conversation, message`,
      [tenantId, text],
    );
    return { ...row!, text };
  },
};

const attacks = [...reads, ...writes];

probe(threads, attacks);

test.each(['conversation', 'message'])('every operation on a %s is attacked', (model) => {
  const attacked = new Set(attacks.map(({ operation }) => operation));
  expect([...READS, ...WRITES].filter((operation) => !attacked.has(`${model}.${operation}`))).toEqual([]);
});

const database = useDatabase();
const tenants = useDemoTenants(database);

test('raw SQL without a where reads, changes and deletes rows of the bound tenant only', async () => {
  const { acme, globex } = tenants();
  const inGlobex = () =>
    Promise.all(
      ['conversations', 'messages'].map((table) =>
        database().asSuperuser(`SELECT * FROM ${table} WHERE tenant_id = $1 ORDER BY id`, [globex.tenantId]),
      ),
    );
  const before = await inGlobex();
  await connected(database().app, async (client) => {
    await client.query('BEGIN');
    await bind(client, acme);
    for (const table of ['conversations', 'messages']) {
      const { rows } = await client.query(`SELECT DISTINCT tenant_id FROM ${table}`);
      expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
      expect((await client.query(`UPDATE ${table} SET body = 'changed'`)).rowCount).toBe(3);
    }
    const { rows } = await client.query(
      'SELECT DISTINCT m.tenant_id FROM messages m FULL JOIN conversations c ON c.id = m.conversation_id OR true',
    );
    expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
    expect((await client.query('DELETE FROM messages')).rowCount).toBe(3);
    expect((await client.query('DELETE FROM conversations')).rowCount).toBe(3);
    await client.query('COMMIT');
  });
  expect(await inGlobex()).toEqual(before);
});

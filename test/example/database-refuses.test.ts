/**
 * Proves what PostgreSQL refuses to the server's role on tables that reference each other: rows of another tenant,
 * references to them, and questions about them. Uses raw SQL, because the database must guarantee this alone.
 */
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.js';
import { boundAndUndone, connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

const INSUFFICIENT_PRIVILEGE = '42501';
const FOREIGN_KEY_VIOLATION = '23503';

interface Thread {
  readonly conversationId: string;
  readonly messageId: string;
}

let theirs: Thread;
let mine: Thread;
beforeAll(async () => {
  const threadOf = async (tenantId: string): Promise<Thread> => {
    const [thread] = await database().asSuperuser<Thread & pg.QueryResultRow>(
      `SELECT conversation_id AS "conversationId", id AS "messageId" FROM messages WHERE tenant_id = $1
       ORDER BY id LIMIT 1`,
      [tenantId],
    );
    return thread!;
  };
  theirs = await threadOf(tenants().globex.tenantId);
  mine = await threadOf(tenants().acme.tenantId);
});

const inAcme = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
  boundAndUndone(database().app, tenants().acme, work);

/** The SQLSTATE with which a statement is refused. The transaction can continue, because of a savepoint. */
async function stateOf(client: pg.Client, sql: string, values: readonly unknown[]): Promise<string> {
  await client.query('SAVEPOINT attempt');
  const { state } = await refusalOf(client.query(sql, [...values]));
  await client.query('ROLLBACK TO SAVEPOINT attempt');
  return state;
}

test('without a tenant neither table can be read or written', async () => {
  await connected(database().app, async (client) => {
    for (const sql of [
      'SELECT * FROM conversations',
      'SELECT * FROM messages',
      'SELECT count(*) FROM messages JOIN conversations USING (tenant_id)',
      "INSERT INTO conversations (user_id, body) VALUES ('x', 'x')",
      "UPDATE messages SET body = 'x'",
      'DELETE FROM conversations',
    ]) {
      expect(await refusalOf(client.query(sql)), sql).toEqual({
        state: INSUFFICIENT_PRIVILEGE,
        message: 'no tenant is bound to this transaction',
      });
    }
  });
});

describe('another tenant’s conversation', () => {
  test('gets no message from here, whichever tenant the message names', async () => {
    const sql = "INSERT INTO messages (tenant_id, conversation_id, user_id, body) VALUES ($1, $2, 'x', 'x')";
    await inAcme(async (client) => {
      const { acme, globex } = tenants();
      expect(await stateOf(client, sql, [acme.tenantId, theirs.conversationId])).toBe(FOREIGN_KEY_VIOLATION);
      expect(await stateOf(client, sql, [globex.tenantId, theirs.conversationId])).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
    });
  });

  test('is as absent as one that never was', async () => {
    const sql = "INSERT INTO messages (conversation_id, user_id, body) VALUES ($1, 'x', 'x')";
    await inAcme(async (client) => {
      const refusals = [];
      for (const id of [theirs.conversationId, '00000000-0000-7000-8000-000000000000']) {
        await client.query('SAVEPOINT attempt');
        const { state, message } = await refusalOf(client.query(sql, [id]));
        refusals.push({ state, message });
        await client.query('ROLLBACK TO SAVEPOINT attempt');
      }
      expect(refusals[0]).toEqual(refusals[1]);
    });
  });

  test('leaves its id free: no key tells that a row exists', async () => {
    await inAcme(async (client) => {
      const sql = "INSERT INTO conversations (id, user_id, body) VALUES ($1, 'x', 'x')";
      expect((await client.query(sql, [theirs.conversationId])).rowCount).toBe(1);
    });
  });

  test('cannot take over an own message', async () => {
    await inAcme(async (client) => {
      const { globex } = tenants();
      const move = 'UPDATE messages SET conversation_id = $2 WHERE id = $1';
      expect(await stateOf(client, move, [mine.messageId, theirs.conversationId])).toBe(
        FOREIGN_KEY_VIOLATION,
      );
      const moveBoth = 'UPDATE messages SET tenant_id = $3, conversation_id = $2 WHERE id = $1';
      expect(await stateOf(client, moveBoth, [mine.messageId, theirs.conversationId, globex.tenantId])).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
    });
  });

  test('is neither seen nor changed nor deleted, and neither are its messages', async () => {
    await inAcme(async (client) => {
      for (const [table, id] of [
        ['conversations', theirs.conversationId],
        ['messages', theirs.messageId],
      ] as const) {
        for (const sql of [
          `SELECT FROM ${table} WHERE id = $1`,
          `SELECT FROM ${table} WHERE id = $1 FOR UPDATE`,
          `UPDATE ${table} SET body = 'x' WHERE id = $1`,
          `UPDATE ${table} SET tenant_id = tenantry.current_tenant() WHERE id = $1`,
          `DELETE FROM ${table} WHERE id = $1`,
        ]) {
          expect((await client.query(sql, [id])).rowCount, sql).toBe(0);
        }
      }
    });
  });

  test('is not brought in by a join, a sub-select or a returning clause', async () => {
    await inAcme(async (client) => {
      for (const sql of [
        'SELECT c.tenant_id FROM messages m RIGHT JOIN conversations c ON true',
        'SELECT tenant_id FROM messages WHERE conversation_id IN (SELECT id FROM conversations)',
        'SELECT (SELECT max(tenant_id::text) FROM conversations)::uuid AS tenant_id',
        'WITH touched AS (UPDATE conversations SET subject = subject RETURNING *) SELECT tenant_id FROM touched',
        'UPDATE messages SET body = c.body FROM conversations c RETURNING c.tenant_id',
        'DELETE FROM messages USING conversations c RETURNING c.tenant_id',
      ]) {
        const { rows } = await client.query<{ tenant_id: string }>(sql);
        expect(new Set(rows.map(({ tenant_id }) => tenant_id)), sql).toEqual(
          new Set([tenants().acme.tenantId]),
        );
      }
    });
  });
});

test('a conversation moves to another tenant neither alone nor with its messages', async () => {
  await inAcme(async (client) => {
    const values = [tenants().globex.tenantId];
    expect(await stateOf(client, 'UPDATE conversations SET tenant_id = $1', values)).toBe(
      INSUFFICIENT_PRIVILEGE,
    );
    expect(await stateOf(client, 'UPDATE messages SET tenant_id = $1', values)).toBe(INSUFFICIENT_PRIVILEGE);
  });
});

test('deleting a conversation deletes its messages, each with an audit entry, and nobody else’s', async () => {
  const { globex } = tenants();
  const othersBefore = await database().asSuperuser(
    'SELECT * FROM messages WHERE tenant_id = $1 ORDER BY id',
    [globex.tenantId],
  );
  await inAcme(async (client) => {
    const messages = await client.query('SELECT FROM messages WHERE conversation_id = $1', [
      mine.conversationId,
    ]);
    expect(messages.rowCount).toBeGreaterThan(0);
    await client.query('DELETE FROM conversations WHERE id = $1', [mine.conversationId]);
    const { rows } = await client.query<{ action: string; entries: number }>(
      `SELECT action, count(*)::int AS entries FROM audit_log
       WHERE action LIKE '%.deleted' AND request_id = $1 GROUP BY action ORDER BY action`,
      [tenants().acme.requestId],
    );
    expect(rows).toEqual([
      { action: 'conversation.deleted', entries: 1 },
      { action: 'message.deleted', entries: messages.rowCount },
    ]);
  });
  const others = await database().asSuperuser('SELECT * FROM messages WHERE tenant_id = $1 ORDER BY id', [
    globex.tenantId,
  ]);
  expect(others).toEqual(othersBefore);
});

test.each(['conversations', 'messages'])(
  'the server may neither truncate nor open nor silence %s',
  async (table) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, `TRUNCATE ${table} CASCADE`, [])).toBe(INSUFFICIENT_PRIVILEGE);
      expect(await stateOf(client, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`, [])).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
      expect(await stateOf(client, `ALTER TABLE ${table} DISABLE TRIGGER audit`, [])).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
    });
  },
);

/** Proves that neither a key nor its hash can be read anywhere, and what the database itself refuses. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startChild } from '../support/child.js';
import { boundAndUndone, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { insertApiKey } from '../support/rows.js';
import { TEST_SECRET } from '../support/server.js';
import { KEY, useApiKeys } from '../support/api-keys.js';

const { server, succeed, create, rowOf } = useApiKeys();

describe('keys and hashes', () => {
  test('are readable in no field, and not in the audit log', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    await succeed('revokeApiKey', 'apiKey { id }', { id: apiKey.id });
    const owner = await server().as('owner', 'acme');
    const { text } = await owner.query(
      `{ auditLog(filter: { entityId: "${apiKey.id}" }) { nodes { action oldValue newValue } }
         apiKeys(first: 100) { nodes { ${KEY} } } }`,
    );
    expect(text).toContain('api_key.updated');
    const { key_hash: hash } = await rowOf(apiKey.id);
    for (const hidden of [secret, secret.slice(11), hash, 'key_hash']) expect(text).not.toContain(hidden);
  });

  test('reach no log', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    const { key_hash: hash } = await rowOf(apiKey.id);
    const unknown = `tk_${randomBytes(32).toString('base64url')}`;
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: server().database.app,
      JWT_SECRET: TEST_SECRET,
      TENANTRY_DATA_DIR: server().config.dataDir,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    for (const key of [secret, unknown]) {
      await rawPost(`${url}/graphql`, {
        authorization: `Bearer ${key}`,
        body: JSON.stringify({ query: '{ me { userId } }' }),
      });
    }
    const { token } = await server().as('owner', 'acme');
    const created = await rawPost(`${url}/graphql`, {
      authorization: `Bearer ${token}`,
      body: JSON.stringify({
        query: 'mutation { createApiKey(input: { name: "k", permissions: [MEMBERS_READ] }) { secret } }',
      }),
    });
    const { createApiKey } = parseBody(created).data as { createApiKey: { secret: string } };
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    const log = stdout + stderr;
    // The log names the caller by id.
    expect(log).toContain(`"actor":"${apiKey.id}"`);
    for (const hidden of [secret, unknown, createApiKey.secret, hash]) {
      expect(log).not.toContain(hidden);
      expect(log).not.toContain(hidden.slice(0, 16));
    }
    // A stop by a signal also writes when the key was last used.
    expect((await rowOf(apiKey.id)).last_used_at).not.toBeNull();
  });
});

describe('in the database', () => {
  test('the server’s role can end a key, and change nothing else of it', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'acme');
    const context = contextOf(await database.tenantId('acme'));
    await boundAndUndone(database.app, context, async (client) => {
      for (const change of [
        "UPDATE api_keys SET permissions = '{billing:manage}' WHERE id = $1",
        "UPDATE api_keys SET key_hash = repeat('a', 64) WHERE id = $1",
        'UPDATE api_keys SET expires_at = NULL WHERE id = $1',
        "UPDATE api_keys SET created_by = 'demo|acme|owner' WHERE id = $1",
        'DELETE FROM api_keys WHERE id = $1',
      ]) {
        await client.query('SAVEPOINT attempt');
        expect((await refusalOf(client.query(change, [id]))).state, change).toBe('42501');
        await client.query('ROLLBACK TO SAVEPOINT attempt');
      }
      const revoked = await client.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
      expect(revoked.rowCount).toBe(1);
    });
  });

  test('every column but the last use is audited', async () => {
    const [row] = await server().database.asSuperuser<{ unaudited: string[] }>(
      `SELECT array_agg(attname::text) AS unaudited
       FROM pg_attribute JOIN pg_trigger ON tgrelid = attrelid AND tgname = 'audit'
       WHERE attrelid = 'api_keys'::regclass AND attnum > 0 AND NOT attisdropped AND attnum <> ALL (tgattr::int2[])`,
    );
    expect(row?.unaudited).toEqual(['last_used_at']);
  });

  test('the look-up knows living keys only, and tells nothing else of them', async () => {
    const { database } = server();
    const look = async (key: string) =>
      connected(database.app, async (client) => {
        const hash = createHash('sha256').update(key).digest('hex');
        return (await client.query('SELECT * FROM tenantry.resolve_api_key($1)', [hash])).rows as unknown[];
      });
    const { id, key } = await insertApiKey(database, 'acme');
    expect(await look(key)).toEqual([
      {
        api_key_id: id,
        permissions: ['members:read'],
        expires_at: null,
        created_by: 'demo|acme|owner',
        creator_role: 'owner',
        tenant_id: await database.tenantId('acme'),
        slug: 'acme',
        status: 'active',
        plan: 'free',
        suspension_reason: null,
      },
    ]);
    for (const dead of [{ revokedAt: '2024-01-01' }, { expiresAt: '2024-01-01' }, { createdBy: 'nobody' }]) {
      expect(await look((await insertApiKey(database, 'acme', dead)).key)).toEqual([]);
    }
  });
});

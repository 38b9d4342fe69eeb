/** Proves when the last use of a key is written: rarely, for its own tenant only, and without losing a use. */
import { describe, expect, test } from 'vitest';
import { recordApiKeyUse } from '../../src/kernel/auth/api-key-use.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { connected } from '../support/demo-tenants.js';
import { bareId } from '../support/ids.js';
import { auditRows, insertApiKey } from '../support/rows.js';
import { startTestServer } from '../support/server.js';
import { watchStatements } from '../support/statements.js';
import { until } from '../support/until.js';
import { useApiKeys } from '../support/api-keys.js';

const { server, ask, refusalOfKey, rowOf } = useApiKeys();

const statements = watchStatements();

describe('when a key was last used', () => {
  const lastUse = async (id: string) => (await rowOf(id)).last_used_at?.getTime() ?? 0;

  test('is written when the server stops, not with each request, and not into the audit log', async () => {
    const { database } = server();
    const stopping = await startTestServer({ database });
    const { id, key } = await insertApiKey(database, 'acme');
    const log = await auditRows(database, 'acme');
    const before = Date.now();
    const sent = await statements.during(async () => {
      for (let round = 0; round < 5; round++) await ask(key, '{ me { userId } }', stopping);
    });
    expect(sent).toEqual([]);
    expect(await lastUse(id)).toBe(0);
    const after = Date.now();
    await stopping.close();
    expect(await lastUse(id)).toBeGreaterThanOrEqual(before);
    expect(await lastUse(id)).toBeLessThanOrEqual(after);
    expect(await auditRows(database, 'acme')).toEqual(log);
    const owner = await server().as('owner', 'acme');
    const { data } = await owner.query<{ apiKeys: { nodes: { id: string; lastUsedAt: string | null }[] } }>(
      '{ apiKeys(first: 100) { nodes { id lastUsedAt } } }',
    );
    const listed = data.apiKeys.nodes.find((each) => bareId(each.id) === id)?.lastUsedAt;
    expect(Date.parse(listed ?? '')).toBe(await lastUse(id));
  });

  test('is not a change that other servers must hear of', async () => {
    const { database } = server();
    const { id, key } = await insertApiKey(database, 'acme');
    const heard: string[] = [];
    await connected(database.app, async (client) => {
      client.on('notification', ({ payload = '' }) => heard.push(payload));
      await client.query('LISTEN tenantry_access');
      const use = recordApiKeyUse(server().services.database, () => undefined);
      use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
      await use.close();
      await database.asSuperuser('SELECT pg_notify($1, $2)', ['tenantry_access', 'the end']);
      await until('the end is heard', () => heard.includes('the end'));
    });
    expect(await lastUse(id)).toBeGreaterThan(0);
    expect(heard.filter((payload) => payload.includes('tenantId'))).toEqual([]);
    expect((await refusalOfKey(key)).status).toBe(200);
  });

  test('is written once for many uses and many keys, in one statement for each tenant', async () => {
    const { database } = server();
    const keys = await Promise.all(
      ['acme', 'acme', 'acme', 'globex'].map(async (tenant) => ({
        tenantId: await database.tenantId(tenant),
        apiKeyId: (await insertApiKey(database, tenant)).id,
      })),
    );
    const written: string[] = [];
    const counted: Pick<Database, 'forTenant'> = {
      forTenant: (context) => {
        written.push(context.tenantId);
        return server().services.database.forTenant(context);
      },
    };
    const use = recordApiKeyUse(counted, () => undefined, 50);
    for (let round = 0; round < 100; round++) for (const key of keys) use.record(key);
    await until('the keys are written', async () => {
      const times = await Promise.all(keys.map(({ apiKeyId }) => lastUse(apiKeyId)));
      return times.every((time) => time > 0);
    });
    await use.close();
    expect(written.sort()).toEqual(
      [await database.tenantId('acme'), await database.tenantId('globex')].sort(),
    );
  });

  test('is the latest of all servers, and never earlier than before', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'acme');
    const later = new Date(Date.now() + 60_000);
    await database.asSuperuser('UPDATE api_keys SET last_used_at = $2 WHERE id = $1', [id, later]);
    const use = recordApiKeyUse(server().services.database, () => undefined);
    use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
    await use.close();
    expect(await lastUse(id)).toBe(later.getTime());
  });

  test('is not lost when the database cannot be written, nor is the other tenant’s', async () => {
    const { database } = server();
    const [acme, globex] = await Promise.all([database.tenantId('acme'), database.tenantId('globex')]);
    const [mine, theirs] = [await insertApiKey(database, 'acme'), await insertApiKey(database, 'globex')];
    const problems: string[] = [];
    let failing = true;
    const use = recordApiKeyUse(
      {
        forTenant: (context) => {
          if (failing && context.tenantId === acme) throw new Error('gone');
          return server().services.database.forTenant(context);
        },
      },
      (problem) => problems.push(problem),
      50,
    );
    const before = Date.now();
    use.record({ tenantId: acme, apiKeyId: mine.id });
    use.record({ tenantId: globex, apiKeyId: theirs.id });
    const after = Date.now();
    await until('it has failed', () => problems.length > 0);
    await until('the other is written', async () => (await lastUse(theirs.id)) > 0);
    expect(await lastUse(mine.id)).toBe(0);
    failing = false;
    await use.close();
    expect(await lastUse(mine.id)).toBeGreaterThanOrEqual(before);
    expect(await lastUse(mine.id)).toBeLessThanOrEqual(after);
  });

  test('is written for the key’s own tenant only', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'globex');
    const use = recordApiKeyUse(server().services.database, () => undefined);
    use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
    await use.close();
    expect(await lastUse(id)).toBe(0);
  });
});

/**
 * Proves that the sealer loses, doubles and reorders nothing: with transactions that commit late, with several sealers,
 * with connections that are cut off, after a restore.
 */
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newestHead } from 'tenantry-verify';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { bind, connected, contextOf } from '../support/demo-tenants.js';
import {
  KEYS,
  headIn,
  makeEntries,
  newSealKey,
  sealAll,
  sealerOf,
  tamper,
  unsealed,
  verifyOf,
} from '../support/sealed-trails.js';
import { until } from '../support/until.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const sealedIds = async (slug: string): Promise<string[]> =>
  (
    await database.asSuperuser<{ entity_id: string }>(
      `SELECT e.entity_id FROM tenantry.audit_leaves l JOIN tenants t ON t.id = l.tenant_id
       JOIN audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
       WHERE slug = $1 AND action = 'test.happened' ORDER BY position`,
      [slug],
    )
  ).map(({ entity_id }) => entity_id);

const RECORD = "SELECT tenantry.record_audit('test.happened', 'Test', $1)";

test('an entry that commits late is sealed before those that were written after it', async () => {
  await sealAll(database);
  const context = contextOf(await database.tenantId('acme'));
  const { sealer } = sealerOf(database);
  await connected(database.app, async (slow) => {
    await slow.query('BEGIN');
    await bind(slow, context);
    await slow.query(RECORD, ['late']);
    await connected(database.app, async (quick) => {
      await quick.query('BEGIN');
      await bind(quick, context);
      await quick.query(RECORD, ['early']);
      await quick.query('COMMIT');
    });
    // The committed entry is there, and waits for the one that is not.
    for (let round = 0; round < 3; round++) await sealer.round();
    expect(await sealedIds('acme')).toEqual([]);
    await slow.query('COMMIT');
  });
  await until('both are sealed', async () => {
    await sealer.round();
    return (await unsealed(database)) === 0;
  });
  expect(await sealedIds('acme')).toEqual(['late', 'early']);
  await sealer.close();
});

test('entries of before the sealing are sealed first', async () => {
  await tamper(database, 'UPDATE audit_log SET tx = NULL');
  await makeEntries(database, 'acme', 2);
  await sealAll(database);
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, pending: 0 });
  expect(await sealedIds('acme')).toEqual(['0', '1']);
});

test('after a restore in another cluster everything is looked through, also what its numbers hide', async () => {
  await makeEntries(database, 'acme', 2);
  await sealAll(database);
  const before = await headIn(database, 'acme');
  // There the numbers were larger; the last entry was not sealed when the backup was made.
  await database.asSuperuser(
    "UPDATE tenantry.audit_sealer SET watermark = '999999999999', database = 'elsewhere'",
  );
  await makeEntries(database, 'acme', 1);
  await tamper(
    database,
    `UPDATE audit_log e SET tx = '999999999998'
     WHERE NOT EXISTS (SELECT FROM tenantry.audit_leaves l WHERE l.entry_id = e.id)`,
  );
  await sealAll(database);
  const { head, pending } = await verifyOf(database, 'acme');
  expect([head?.number, pending]).toEqual([before.number + 1, 0]);
});

describe('several sealers', () => {
  /** Whether the lease that ends then is over. */
  const isOver = async (end: string): Promise<boolean> => {
    const [lease] = await database.asSuperuser<{ over: boolean }>(
      'SELECT $1::timestamptz < clock_timestamp() AS over',
      [end],
    );
    return lease!.over;
  };

  test('one seals, and another takes over when it stops', async () => {
    const [first, second] = [sealerOf(database).sealer, sealerOf(database).sealer];
    await until('the second stands by', async () => {
      await database.asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
      expect(await first.round()).not.toBe('standby');
      const [lease] = await database.asSuperuser<{ end: string }>(
        'SELECT until::text AS "end" FROM tenantry.audit_sealer',
      );
      if ((await second.round()) === 'standby') return true;
      // Only on a machine that has stood still for longer than the lease lasts.
      expect(await isOver(lease!.end)).toBe(true);
      return false;
    });
    expect(await first.round()).not.toBe('standby');
    await first.close();
    expect(await second.round()).not.toBe('standby');
    await second.close();
  });

  test.each([
    ['its lease has ended', "clock_timestamp() - interval '1 ms'"],
    ['the clock was set back since', "clock_timestamp() + interval '1 hour'"],
  ])('another takes over from one that is silent when %s', async (_when, time) => {
    const [first, second] = [sealerOf(database).sealer, sealerOf(database).sealer];
    await first.round();
    await database.asSuperuser(`UPDATE tenantry.audit_sealer SET until = ${time}`);
    expect(await second.round()).not.toBe('standby');
    await Promise.all([first.close(), second.close()]);
  });

  test('that all believe to lead seal each entry once', async () => {
    const sealers = [1, 2, 3].map(() => sealerOf(database));
    let writing = true;
    const sealing = sealers.map(async ({ sealer }) => {
      while (writing) {
        await database.asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
        await sealer.round();
      }
    });
    await Promise.all([makeEntries(database, 'acme', 40), makeEntries(database, 'globex', 40)]);
    writing = false;
    await Promise.all(sealing);
    await Promise.all(sealers.map(({ sealer }) => sealer.close()));
    await database.asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
    await sealAll(database);
    for (const slug of ['acme', 'globex']) {
      expect(await verifyOf(database, slug)).toMatchObject({ intact: true, pending: 0 });
      expect(await sealedIds(slug)).toEqual(Array.from({ length: 40 }, (_, each) => String(each)));
    }
    expect(sealers.flatMap(({ problems }) => problems)).toEqual([]);
  });
});

test('a sealer that is cut off at any moment, fifty times, loses nothing', async () => {
  const state = { writing: true };
  const cutting = (async () => {
    for (let cut = 0; state.writing || cut < 50; cut++) {
      // The one before is gone, and its lease with it.
      await database.asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
      const { sealer } = sealerOf(database);
      const round = sealer.round().catch(() => undefined);
      for (let moment = 0; moment < cut % 5; moment++) await database.asSuperuser('SELECT 1');
      await database.asSuperuser(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'tenantry audit sealer'`,
      );
      await round;
      await sealer.close();
    }
  })();
  await Promise.all([makeEntries(database, 'acme', 60), makeEntries(database, 'globex', 60)]);
  state.writing = false;
  await cutting;
  await database.asSuperuser('UPDATE tenantry.audit_sealer SET holder = NULL');
  await sealAll(database);
  for (const slug of ['acme', 'globex']) {
    expect(await verifyOf(database, slug)).toMatchObject({ intact: true, pending: 0 });
    expect(await sealedIds(slug)).toEqual(Array.from({ length: 60 }, (_, each) => String(each)));
  }
});

describe('the key', () => {
  const newKey = newSealKey();
  const oldPublic = KEYS.publicPem;

  test('can be changed: the new one continues what the old one has sealed, and both are trusted', async () => {
    await sealAll(database);
    await makeEntries(database, 'acme', 1);
    const keys = readSealKeys(`${newKey}${oldPublic}`);
    await sealAll(database, { keys });
    expect(await verifyOf(database, 'acme', { keys: keys.trusted })).toMatchObject({ intact: true });
    expect((await headIn(database, 'acme')).key).toBe(keys.id);
  });

  test.each([
    ['none', 'x', /must have one private key/],
    ['two', newKey + newKey, /must have one private key/],
    [
      'of another kind',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }) as string,
      /not an Ed25519 key/,
    ],
    ['that is damaged', newKey.replace(/.{20}\n---/, '\n---'), /not an Ed25519 key/],
  ])('is refused: %s', (_what, text, message) => {
    expect(() => readSealKeys(text)).toThrow(message);
  });

  test('may have \\n for its line breaks, as in an environment variable', () => {
    expect(readSealKeys(newKey.replaceAll('\n', '\\n')).id).toBe(readSealKeys(newKey).id);
  });
});

describe('heads leave the database', () => {
  test('to a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-heads-'));
    const file = join(folder, 'heads.ndjson');
    await sealAll(database, { headSink: file });
    const heads = await readFile(file, 'utf8');
    for (const slug of ['acme', 'globex']) {
      expect(newestHead(heads, await database.tenantId(slug))).toEqual(await headIn(database, slug));
    }
    await rm(folder, { recursive: true });
  });

  test('to an endpoint, again after a failure', async () => {
    const bodies: string[] = [];
    const logins: (string | undefined)[] = [];
    const endpoint = createServer((request, response) => {
      let body = '';
      logins.push(request.headers.authorization);
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        bodies.push(body);
        response.statusCode = bodies.length === 1 ? 500 : 204;
        response.end();
      });
    });
    await new Promise<void>((listening) => endpoint.listen(0, '127.0.0.1', listening));
    const { port } = endpoint.address() as AddressInfo;
    const { sealer, problems } = sealerOf(database, {
      headSink: `http://heads:pass%40word@127.0.0.1:${String(port)}/heads`,
      pauseMs: 1,
    });
    sealer.start();
    await until('the endpoint has refused the heads', () => bodies.length > 0);
    await until('the failure is reported', () => problems.length > 0);
    await sealer.close();
    expect(problems).toEqual(['undelivered the endpoint answered 500']);
    expect(bodies[1]).toBe(bodies[0]);
    expect(new Set(logins)).toEqual(new Set([`Basic ${Buffer.from('heads:pass@word').toString('base64')}`]));
    expect(newestHead(bodies[1]!, await database.tenantId('acme'))).toEqual(await headIn(database, 'acme'));
    await new Promise((closed) => endpoint.close(closed));
  });
});

describe('the database', () => {
  const SEAL = `SELECT tenantry.seal_audit(1, 1, sha256('x'), sha256('x'), now(), '1', 'k', sha512('x'), sha256('x'),
    ARRAY[gen_random_uuid()], ARRAY[sha256('x')], ARRAY['x'::bytea], '{}', '{}', '{}')`;

  test.each([
    ['seal', SEAL],
    ['begin a block', 'SELECT tenantry.open_audit_block()'],
  ])('lets nobody %s in a transaction of a request', async (_what, sql) => {
    const context = contextOf(await database.tenantId('acme'));
    await connected(database.app, async (client) => {
      await client.query('BEGIN');
      await bind(client, context);
      await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
    });
  });

  test.each([
    'audit_leaves',
    'audit_nodes',
    'audit_seals',
    'audit_trees',
    'audit_redactions',
    'audit_sealer',
  ])('lets the server write nothing in %s', async (table) => {
    const context = contextOf(await database.tenantId('acme'), { type: 'system', id: 'x' });
    await connected(database.app, async (client) => {
      await client.query('BEGIN');
      await bind(client, context);
      await expect(client.query(`DELETE FROM tenantry.${table}`)).rejects.toMatchObject({ code: '42501' });
    });
  });

  test('shows a tenant its own trail only', async () => {
    await sealAll(database);
    const [acme, globex] = [await database.tenantId('acme'), await database.tenantId('globex')];
    await connected(database.app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(acme));
      for (const table of ['audit_leaves', 'audit_seals', 'audit_trees', 'audit_nodes', 'audit_redactions']) {
        const { rows } = await client.query<{ tenant_id: string }>(`SELECT tenant_id FROM tenantry.${table}`);
        expect(rows.map(({ tenant_id }) => tenant_id)).not.toContain(globex);
      }
    });
  });

  test('refuses to change or remove a seal or a leaf, also to a superuser', async () => {
    await sealAll(database);
    for (const sql of [
      "UPDATE tenantry.audit_seals SET key = 'x'",
      'DELETE FROM tenantry.audit_seals',
      'TRUNCATE tenantry.audit_leaves',
      "UPDATE tenantry.audit_leaves SET salts = ''",
      "UPDATE audit_log SET actor = ''",
    ]) {
      await expect(database.asSuperuser(sql), sql).rejects.toMatchObject({ code: '42501' });
    }
  });
});

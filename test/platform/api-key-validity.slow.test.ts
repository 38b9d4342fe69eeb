/**
 * Proves that a key ends on every server within a second when it expires, is revoked or its creator leaves; that it
 * loses the permissions that its creator loses; and that every invalid key gets the same answer.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { insertApiKey, insertMembership } from '../support/rows.js';
import { until } from '../support/until.js';
import { ME, useApiKeys } from '../support/api-keys.js';

const { server, replica, lookUps, succeed, create, ask, refusalOfKey, rowOf, tenantWith } = useApiKeys();

/** Less than 30 seconds, the time after which a server would notice a change without a notification. */
const SOON = { timeout: 25_000, interval: 20 };

const permissionsOf = async (key: string, at = server()) =>
  (await ask<{ me: { permissions: string[] } }>(key, '{ me { permissions } }', at)).data.me.permissions;

describe('a key that is not valid', () => {
  test('is refused in the same words, whatever is wrong with it', async () => {
    const { database } = server();
    const { slug, second, membershipId } = await tenantWith('admin');
    const orphaned = await create(['MEMBERS_READ'], {}, second);
    await database.asSuperuser('DELETE FROM memberships WHERE id = $1', [membershipId]);
    const valid = await insertApiKey(database, 'acme');
    const unknown = `tk_${randomBytes(32).toString('base64url')}`;
    const keys = {
      unknown,
      revoked: (await insertApiKey(database, 'acme', { revokedAt: '2024-01-01' })).key,
      expired: (await insertApiKey(database, 'acme', { expiresAt: '2024-01-01' })).key,
      'of a member who left': orphaned.secret,
      'of somebody who never was a member': (
        await insertApiKey(database, slug, { createdBy: 'demo|acme|owner' })
      ).key,
      'cut off': valid.key.slice(0, -1),
      'with more behind it': `${valid.key}x`,
      'with another last character': valid.key.slice(0, -1) + (valid.key.endsWith('A') ? 'B' : 'A'),
      'in another case': `tk_${valid.key.slice(3).toUpperCase()}`,
      'the mark alone': 'tk_',
      'the id of a key': `tk_${valid.id}`,
      'the hash of a key': `tk_${(await rowOf(valid.id)).key_hash}`,
      'a pattern': `tk_${'%'.repeat(43)}`,
      'a long one': `tk_${'a'.repeat(8_000)}`,
    };
    const first = await refusalOfKey(unknown);
    expect(first).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', challenge: 'Bearer' });
    for (const [what, key] of Object.entries(keys)) {
      // The first answer comes from the database, the second from the cache.
      expect(await refusalOfKey(key), what).toEqual(first);
      expect(await refusalOfKey(key), what).toEqual(first);
    }
    expect((await refusalOfKey(valid.key)).status).toBe(200);
  });

  test('asks the database nothing when it cannot be one', async () => {
    lookUps().mockClear();
    for (const key of ['tk_', `tk_${'a'.repeat(42)}`, `tk_${'a'.repeat(44)}`, `tk_${'ä'.repeat(43)}`]) {
      await refusalOfKey(key).catch(() => undefined);
    }
    expect(lookUps()).not.toHaveBeenCalled();
  });

  test('has no chance with the hash in place of the key', async () => {
    const { id, key } = await insertApiKey(server().database, 'acme');
    const { key_hash } = await rowOf(id);
    expect(key_hash).not.toBe(key);
    for (const credential of [key_hash, `tk_${key_hash.slice(0, 43)}`]) {
      expect((await refusalOfKey(credential)).status).toBe(401);
    }
  });
});

describe('what a key may do', () => {
  test('shrinks with the role of its creator, within a second, on every server', async () => {
    const { membershipId, owner, second } = await tenantWith('owner');
    const { secret } = await create(['BILLING_MANAGE', 'USERS_MANAGE', 'MEMBERS_READ'], {}, second);
    for (const at of [server(), replica()]) {
      expect(await permissionsOf(secret, at)).toEqual(['BILLING_MANAGE', 'MEMBERS_READ', 'USERS_MANAGE']);
    }
    const expectEverywhere = (permissions: string[]) =>
      expect
        .poll(() => Promise.all([server(), replica()].map((at) => permissionsOf(secret, at))), SOON)
        .toEqual([permissions, permissions]);
    const become = (role: string) =>
      succeed('changeMemberRole', 'membership { role }', { membershipId, role }, owner);
    await become('ADMIN');
    await expectEverywhere(['MEMBERS_READ', 'USERS_MANAGE']);
    await become('VIEWER');
    await expectEverywhere(['MEMBERS_READ']);
    const { errors } = await ask(secret, '{ members { nodes { email } } }');
    expect(errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires: 'users:manage' });
  });

  test('does not grow with it', async () => {
    const { membershipId, owner, second } = await tenantWith('admin');
    const { secret } = await create(['MEMBERS_READ'], {}, second);
    await succeed('changeMemberRole', 'membership { role }', { membershipId, role: 'OWNER' }, owner);
    for (const at of [server(), replica()]) expect(await permissionsOf(secret, at)).toEqual(['MEMBERS_READ']);
  });

  test('ends when its creator leaves, for good, and the log says so', async () => {
    const { slug, membershipId, owner, second, userId } = await tenantWith('admin');
    const { secret, apiKey } = await create(['MEMBERS_READ'], {}, second);
    const others = await create(['MEMBERS_READ'], {}, owner);
    for (const at of [server(), replica()]) expect((await refusalOfKey(secret, at)).status).toBe(200);
    const { entries } = await succeed('removeMember', 'deletedId', { membershipId }, owner);
    expect(entries.map(({ action }) => action).sort()).toEqual(['api_key.updated', 'membership.deleted']);
    const refusedEverywhere = () =>
      Promise.all([server(), replica()].map(async (at) => (await refusalOfKey(secret, at)).status));
    await expect.poll(refusedEverywhere, SOON).toEqual([401, 401]);
    // The creator is a member again, but the key stays revoked.
    await insertMembership(server().database, slug, { role: 'owner', userId });
    expect(await refusedEverywhere()).toEqual([401, 401]);
    expect((await rowOf(apiKey.id)).revoked_at).not.toBeNull();
    expect((await refusalOfKey(others.secret)).status).toBe(200);
  });

  test('ends when its creator’s membership passes to somebody else', async () => {
    const { membershipId, second } = await tenantWith('admin');
    const { secret } = await create(['MEMBERS_READ'], {}, second);
    await ask(secret, ME);
    await server().database.asSuperuser("UPDATE memberships SET user_id = 'heir' WHERE id = $1", [
      membershipId,
    ]);
    await expect.poll(async () => (await refusalOfKey(secret)).status, SOON).toBe(401);
  });

  test('pauses while the tenant is suspended', async () => {
    const { slug, owner } = await tenantWith('viewer');
    const { secret } = await create(['MEMBERS_READ'], {}, owner);
    const codes = () =>
      Promise.all([server(), replica()].map(async (at) => (await refusalOfKey(secret, at)).code));
    expect(await codes()).toEqual([undefined, undefined]);
    const become = (status: string) =>
      server().database.asSuperuser('UPDATE tenants SET status = $2 WHERE slug = $1', [slug, status]);
    await become('suspended');
    await expect.poll(codes, SOON).toEqual(['TENANT_SUSPENDED', 'TENANT_SUSPENDED']);
    await become('active');
    await expect.poll(codes, SOON).toEqual([undefined, undefined]);
  });
});

describe('what is known of a key', () => {
  const asked = () =>
    lookUps().mock.calls.filter(([sql]) => String(sql).includes('tenantry.resolve_api_key')).length;

  /**
   * Asks until all answers come from the cache: the listener may have connected only just now, and what it tells of earlier
   * changes drops what is kept.
   */
  const untilKept = (key: string, status = 200) =>
    until('the key is kept', async () => {
      await refusalOfKey(key);
      const before = asked();
      for (let round = 0; round < 5; round++) expect((await refusalOfKey(key)).status).toBe(status);
      return asked() === before;
    });

  test('is kept, so that the database is not asked with each request', async () => {
    const { key } = await insertApiKey(server().database, 'acme');
    await untilKept(key);
  });

  test('is kept of a key that is none, until keys or members change', async () => {
    const key = `tk_${randomBytes(32).toString('base64url')}`;
    await untilKept(key, 401);
    const before = asked();
    await insertApiKey(server().database, 'globex');
    await until('it is asked for again', async () => {
      await refusalOfKey(key);
      return asked() > before;
    });
  });

  test('does not outlive its expiry', async () => {
    let validForMs = 5_000;
    await until('the kept answer was used until the key expired', async () => {
      const expiresAt = new Date(Date.now() + validForMs);
      // On a slow machine a key may expire before it is kept: the next one is valid for longer.
      validForMs *= 2;
      const { key } = await insertApiKey(server().database, 'acme', { expiresAt: expiresAt.toISOString() });
      const first = asked();
      let before = first;
      let lastAccepted = 0;
      await until('the key has expired', async () => {
        const sent = Date.now();
        const askedSoFar = asked();
        const { status } = await refusalOfKey(key);
        if (status === 200) {
          lastAccepted = sent;
          before = askedSoFar;
        }
        return status === 401;
      });
      // Never longer.
      expect(lastAccepted).toBeLessThan(expiresAt.getTime());
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
      // What was announced of the key and of others before may have dropped the answer just then.
      return lastAccepted > 0 && before > first && asked() === before;
    });
  });

  test('ends with its revocation, on every server, within a second', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    await untilKept(secret);
    expect((await refusalOfKey(secret, replica())).status).toBe(200);
    await succeed('revokeApiKey', 'apiKey { id }', { id: apiKey.id });
    await expect
      .poll(
        () => Promise.all([server(), replica()].map(async (at) => (await refusalOfKey(secret, at)).status)),
        SOON,
      )
      .toEqual([401, 401]);
  });

  test('changes with what a database administrator does', async () => {
    const { database } = server();
    for (const change of [
      "UPDATE api_keys SET permissions = '{}' WHERE id = $1",
      "UPDATE api_keys SET expires_at = '2024-01-01' WHERE id = $1",
      'DELETE FROM api_keys WHERE id = $1',
    ]) {
      const { id, key } = await insertApiKey(database, 'acme', { permissions: ['audit:read'] });
      await untilKept(key);
      const query = '{ auditLog(first: 1) { nodes { id } } }';
      expect((await ask(key, query)).errors).toEqual([]);
      await database.asSuperuser(change, [id]);
      await expect.poll(async () => (await ask(key, query)).errors.length, SOON).toBe(1);
    }
  });
});

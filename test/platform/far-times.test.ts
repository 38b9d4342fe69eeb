/**
 * Proves that a time outside of the years 1 to 9999 is refused where clients choose times, and does not break the lists
 * that contain one.
 */
import { expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { contextOf } from '../support/demo-tenants.js';
import { useServer } from '../support/server.js';

const server = useServer();

/** The times as PostgreSQL writes them, and as the API returns them. */
const FAR: readonly (readonly [string, string])[] = [
  ['infinity', '+275760-09-13T00:00:00.000Z'],
  ['294276-12-31 23:59:59+00', '+275760-09-13T00:00:00.000Z'],
  ['12024-07-01 12:30:00.25+02', '+012024-07-01T10:30:00.250Z'],
  ['10000-01-01 00:00:00+00', '+010000-01-01T00:00:00.000Z'],
  ['0044-03-15 00:00:00+00 BC', '-000043-03-15T00:00:00.000Z'],
  ['-infinity', '-271821-04-20T00:00:00.000Z'],
];

test('rows with such times stand in their lists, with and without Prisma', async () => {
  const tenantId = await server().database.tenantId('acme');
  for (const [at, [time]] of FAR.entries()) {
    await server().database.asSuperuser(
      "INSERT INTO memberships (tenant_id, user_id, email, role, joined_at) VALUES ($1, $2, 'far@acme.test', 'viewer', $3)",
      [tenantId, `far-${String(at)}`, time],
    );
  }
  const viewer = await server().as('viewer', 'acme');
  const { data, errors } = await viewer.query<{
    members: { nodes: { userId: string; joinedAt: string }[] };
  }>('{ members(first: 50) { nodes { userId joinedAt } } }');
  expect(errors).toEqual([]);
  const times = new Map(data.members.nodes.map(({ userId, joinedAt }) => [userId, joinedAt]));
  const expected = FAR.map(([, answer]) => answer);
  expect(FAR.map((_, at) => times.get(`far-${String(at)}`))).toEqual(expected);

  const db = server().services.database.forTenant(contextOf(tenantId));
  const rows = await db.transaction((tx) => tx.membership.findMany({ where: { email: 'far@acme.test' } }));
  const read = new Map(rows.map(({ userId, joinedAt }) => [userId, joinedAt.toISOString()]));
  expect(FAR.map((_, at) => read.get(`far-${String(at)}`))).toEqual(expected);
});

test.each(['infinity', '-infinity', '10000-01-01 00:00:00+00', '0001-12-31 00:00:00+00 BC'])(
  'no key and no invitation expires at %s',
  async (time) => {
    const tenantId = await server().database.tenantId('acme');
    const key = server().database.asSuperuser(
      `INSERT INTO api_keys (tenant_id, name, prefix, key_hash, permissions, created_by, expires_at)
       VALUES ($1, 'far', 'tk_far', repeat('a', 64), '{}', 'u', $2)`,
      [tenantId, time],
    );
    await expect(key).rejects.toMatchObject({ code: '23514', constraint: 'times_check' });
    const invitation = server().database.asSuperuser(
      `INSERT INTO invitations (tenant_id, email, role, invited_by, expires_at, token_hash)
       VALUES ($1, 'far@acme.test', 'viewer', 'u', $2, repeat('a', 64))`,
      [tenantId, time],
    );
    await expect(invitation).rejects.toMatchObject({ code: '23514' });
  },
);

test('a session in another zone reads the same far time', async () => {
  const db = server().services.database.forTenant(contextOf(await server().database.tenantId('acme')));
  const [row] = await db.$queryRaw<{ value: Date }>(
    Prisma.sql`SELECT set_config('TimeZone', 'Asia/Kolkata', true), timestamptz '10000-01-01 12:00:00Z' AS value`,
  );
  expect(row!.value.toISOString()).toBe('+010000-01-01T12:00:00.000Z');
});

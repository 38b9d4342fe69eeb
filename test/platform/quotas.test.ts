/**
 * Proves what clients see of quotas: the use and the limits, the refusal with its figures, and that what is removed makes
 * room. Members and API keys, which every installation has.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { publishQuotas } from '../../src/services/limits/quotas.js';
import { ACCEPT, person } from '../support/invitations.js';
import { useMutations } from '../support/mutations.js';
import { counterOf, rowsOf, writePlansFile } from '../support/quotas.js';
import { insertApiKey, insertInvitation, insertMembership } from '../support/rows.js';
import { startTestServer, useServer } from '../support/server.js';
import { userToken } from '../support/user-token.js';

// The demo tenants have four members each, and the plan free.
const PLANS_FILE = await writePlansFile({
  free: { members: 5, apiKeys: 2 },
  starter: { members: 6, apiKeys: 3 },
});
afterAll(() => rm(dirname(PLANS_FILE), { recursive: true }));

const server = useServer({ env: { PLANS_FILE } });
const { clientOf, run, succeed, refused } = useMutations(server, ['api_keys', 'memberships']);

interface Use {
  readonly resource: string;
  readonly used: number;
  readonly limit: number | null;
}

async function usage(tenant = 'acme'): Promise<Readonly<Record<string, readonly [number, number | null]>>> {
  const { data, errors } = await (
    await clientOf('owner', tenant)
  ).query<{ tenant: { usage: readonly Use[] } }>('{ tenant { usage { resource used limit } } }');
  expect(errors).toEqual([]);
  return Object.fromEntries(data.tenant.usage.map(({ resource, used, limit }) => [resource, [used, limit]]));
}

const newKey = () => ({ name: 'a key', permissions: ['MEMBERS_READ'] });
const createKey = () => succeed<{ apiKey: { id: string } }>('createApiKey', 'apiKey { id }', newKey());
const changePlan = (plan: string) => succeed('changePlan', 'tenant { plan }', { plan });

beforeEach(async () => {
  const { database } = server();
  await database.asSuperuser("DELETE FROM api_keys; DELETE FROM memberships WHERE user_id NOT LIKE 'demo|%'");
  await database.asSuperuser("UPDATE tenants SET plan = 'free'");
});

describe('the usage of a tenant', () => {
  test('is what it has and what its plan allows, in alphabetical order', async () => {
    await insertMembership(server().database, 'acme');
    await insertApiKey(server().database, 'acme');
    expect(await usage()).toMatchObject({ members: [5, 5], apiKeys: [1, 2] });
    expect(await usage('globex')).toMatchObject({ members: [4, 5], apiKeys: [0, 2] });
    const resources = Object.keys(await usage());
    expect(resources).toEqual([...resources].sort());
  });

  test('has no limit where the plan has none', async () => {
    await changePlan('enterprise');
    expect(await usage()).toMatchObject({ members: [4, null], apiKeys: [0, null] });
  });
});

describe('API keys', () => {
  test('are refused beyond the quota, and a revoked key makes room', async () => {
    const first = await createKey();
    await createKey();
    const { code, ...figures } = await refused('createApiKey', 'apiKey { id }', newKey());
    expect({ code, figures }).toEqual({
      code: 'QUOTA_EXCEEDED',
      figures: { resource: 'apiKeys', limit: 2, used: 2 },
    });
    await succeed('revokeApiKey', 'apiKey { id }', { id: first.payload.apiKey.id });
    expect(await usage()).toMatchObject({ apiKeys: [1, 2] });
    await createKey();
  });

  test('that have expired count until they are revoked', async () => {
    for (let n = 0; n < 2; n++) {
      await insertApiKey(server().database, 'acme', { expiresAt: '2024-01-01T00:00:00Z' });
    }
    expect((await refused('createApiKey', 'apiKey { id }', newKey())).code).toBe('QUOTA_EXCEEDED');
  });

  test('have the limit of another plan with its commit, in both directions', async () => {
    await createKey();
    await createKey();
    await changePlan('starter');
    await createKey();
    await changePlan('free');
    expect(await usage()).toMatchObject({ apiKeys: [3, 2] });
    expect(await refused('createApiKey', 'apiKey { id }', newKey())).toMatchObject({ used: 3, limit: 2 });
  });

  test('are exactly as many as the quota allows, whoever asks at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => run('createApiKey', 'apiKey { id }', newKey())),
    );
    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(2);
    const codes = answers.flatMap(({ errors }) => errors.map(({ extensions }) => extensions.code));
    expect(codes).toEqual(Array<string>(8).fill('QUOTA_EXCEEDED'));
    expect(await counterOf(server().database, 'acme', 'apiKeys')).toBe(2);
    expect(await rowsOf(server().database, 'acme', 'apiKeys')).toBe(2);
  });
});

describe('members', () => {
  const invited = async () => {
    const { email, token } = await insertInvitation(server().database, 'acme', {
      email: `${randomUUID()}@new.test`,
    });
    const bearer = userToken(person(email));
    return () =>
      server()
        .withHeaders({ authorization: `Bearer ${bearer}` })
        .query(ACCEPT, { input: { token } });
  };

  test('are refused beyond the quota; the invitation stays as it is, and is accepted when there is room', async () => {
    const [one, other] = [await invited(), await invited()];
    expect((await one()).errors).toEqual([]);
    expect((await other()).errors).toMatchObject([
      {
        path: ['acceptInvitation'],
        extensions: { code: 'QUOTA_EXCEEDED', resource: 'members', limit: 5, used: 5 },
      },
    ]);
    const [row] = await server().database.asSuperuser<{ id: string }>(
      "SELECT id FROM memberships WHERE user_id NOT LIKE 'demo|%'",
    );
    await succeed('removeMember', 'deletedId', { membershipId: row!.id });
    expect((await other()).errors).toEqual([]);
    expect(await usage()).toMatchObject({ members: [5, 5] });
  });

  test('are not invitations: these can be sent when all places are taken', async () => {
    await insertMembership(server().database, 'acme');
    await succeed('inviteMember', 'emailSent', { email: `${randomUUID()}@new.test`, role: 'MEMBER' });
  });
});

describe('a server that starts', () => {
  test('is refused plans that limit what no module declares', async () => {
    const file = await writePlansFile({ pro: { conversatoins: 10 } });
    await expect(startTestServer({ env: { PLANS_FILE: file }, database: server().database })).rejects.toThrow(
      /the plan "pro" limits conversatoins, which no module declares\. There are apiKeys, /,
    );
    await rm(dirname(file), { recursive: true });
  });

  test('is refused a database that does not count what a module declares', async () => {
    const { services } = server();
    const undeclared = { resource: 'entries', model: 'AuditEntry' };
    await expect(publishQuotas(services.database, services.plans, [undeclared])).rejects.toThrow(
      "The database does not count entries, the rows of audit_log: write a migration with SELECT tenantry.limit_rows('audit_log', 'entries').",
    );
  });

  test('changes what the database knows of plans, also from a plan to none', async () => {
    const plansOf = () => server().database.asSuperuser('SELECT * FROM tenantry.plans ORDER BY name');
    const before = await plansOf();
    expect(before).toContainEqual({ name: 'free', is_smallest: true, quotas: { members: 5, apiKeys: 2 } });
    expect(before).toContainEqual({ name: 'pro', is_smallest: false, quotas: {} });
    const file = await writePlansFile({});
    const other = await startTestServer({ env: { PLANS_FILE: file }, database: server().database });
    await other.close();
    await rm(dirname(file), { recursive: true });
    expect(await plansOf()).toContainEqual({ name: 'free', is_smallest: true, quotas: {} });
    const { services } = server();
    await publishQuotas(services.database, services.plans, services.limitedResources);
    expect(await plansOf()).toEqual(before);
  });
});

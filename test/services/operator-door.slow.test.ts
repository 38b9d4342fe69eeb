/** What operators see and do at their door, and what of it stands in the audit log of the tenant. */
import { describe, expect, test } from 'vitest';
import { insertJob, insertMembership, auditRows } from '../support/rows.js';
import { askOperators, newSlug, operatorToken, OPERATORS } from '../support/operators.js';
import { sealAll } from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';
import { createTestTenant } from '../support/tenant-fixtures.js';

const server = useServer({ env: OPERATORS });
const ask = <Data>(query: string, variables: Record<string, unknown> = {}) =>
  askOperators<Data>(server(), query, { variables });

/** The entries of operators in a tenant's log, as its owner reads them. */
async function entriesFor(tenant: string) {
  const owner = await server().as(`owner@${tenant}.test`, tenant);
  const { data, errors } = await owner.query<{ auditLog: { nodes: Record<string, unknown>[] } }>(
    `{ auditLog(filter: { entity: "OperatorAccess" }, orderBy: { direction: ASC }) {
        nodes { action actor actorType newValue requestId } } }`,
  );
  expect(errors).toEqual([]);
  return data.auditLog.nodes;
}

const READ = `query ($slug: String!, $reason: String!) {
  tenant(slug: $slug, reason: $reason) {
    id slug name plan status suspensionReason
    usage { resource used limit }
    health { lastActivityAt members jobsWaiting jobsDead sealedAt unsealedEntries sealLagSeconds }
    jobs(state: DEAD) { task state lastError }
    auditVerification { intact entries pending problem }
  } }`;

describe('one tenant', () => {
  test('is shown with its usage, its health and its jobs, and its log says who read it and why', async () => {
    const slug = newSlug();
    await createTestTenant(server().database, slug);
    await insertMembership(server().database, slug);
    await insertJob(server().database, slug, { lastError: 'It failed.' });
    await sealAll(server().database);
    const { data, errors, headers } = await ask<{ tenant: Record<string, unknown> }>(READ, {
      slug,
      reason: 'Ticket 42',
    });
    expect(errors).toEqual([]);
    expect(data.tenant).toMatchObject({
      slug,
      status: 'ACTIVE',
      suspensionReason: null,
      health: { members: 2, jobsWaiting: 0, jobsDead: 1, lastActivityAt: expect.any(String) as string },
      jobs: [{ state: 'DEAD', lastError: 'It failed.' }],
      auditVerification: { intact: true, problem: null },
    });
    expect(data.tenant['id']).toMatch(/^tenant_/);
    expect(data.tenant['usage']).toContainEqual(expect.objectContaining({ resource: 'members', used: 2 }));
    expect(await entriesFor(slug)).toEqual([
      {
        action: 'operator.tenant_read',
        actor: 'jane@ops.test',
        actorType: 'OPERATOR',
        newValue: { reason: 'Ticket 42' },
        requestId: headers.get('x-request-id'),
      },
    ]);
  });

  test('that does not exist is null', async () => {
    const { data, errors } = await ask(READ, { slug: 'nobody', reason: 'x' });
    expect([data, errors]).toEqual([{ tenant: null }, []]);
  });

  test.each(['', ' ', ' \n', 'a\nb', 'a'.repeat(501)])('is not shown for the reason %j', async (reason) => {
    const before = await auditRows(server().database, 'acme');
    const { data, errors } = await ask(READ, { slug: 'acme', reason });
    expect(data).toEqual({ tenant: null });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'reason' });
    expect(await auditRows(server().database, 'acme')).toEqual(before);
  });
});

describe('the list', () => {
  const LIST = `query ($first: Int, $after: String, $last: Int, $before: String, $search: String, $filter: TenantFilter, $orderBy: TenantOrder) {
    tenants(first: $first, after: $after, last: $last, before: $before, search: $search, filter: $filter, orderBy: $orderBy) {
      nodes { slug name status plan } edges { cursor } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  interface Listed {
    readonly tenants: {
      readonly nodes: readonly { readonly slug: string; readonly name: string }[];
      readonly totalCount: number;
      readonly pageInfo: {
        readonly hasNextPage: boolean;
        readonly endCursor: string;
        readonly startCursor: string;
      };
    };
  }

  test('pages through thousands of tenants in every order, by an index', async () => {
    const { database } = server();
    await database.asSuperuser(
      `INSERT INTO tenants (slug, name, plan, status, created_at)
       SELECT 'many-' || n, 'Many ' || (n % 100), 'free', CASE WHEN n % 50 = 0 THEN 'suspended' ELSE 'active' END,
         now() - n * interval '1 second'
       FROM generate_series(1, 3000) AS n`,
    );
    await database.asSuperuser('ANALYZE tenants');
    for (const field of ['SLUG', 'NAME', 'CREATED_AT']) {
      for (const direction of ['ASC', 'DESC']) {
        const seen: string[] = [];
        let after: string | undefined;
        let hasNextPage = true;
        while (hasNextPage) {
          const variables = { first: 100, after, search: 'many-', orderBy: { field, direction } };
          const { data, errors } = await ask<Listed>(LIST, variables);
          expect(errors).toEqual([]);
          seen.push(...data.tenants.nodes.map(({ slug }) => slug));
          ({ hasNextPage, endCursor: after } = data.tenants.pageInfo);
        }
        expect([field, direction, seen.length, new Set(seen).size]).toEqual([field, direction, 3_000, 3_000]);
      }
    }
    const columns = { slug: 'slug', name: 'name', created_at: 'created_at' };
    for (const column of Object.values(columns)) {
      const plan = await database.asSuperuser<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT id, slug, name FROM public.tenants
         WHERE (${column}, id) > ((SELECT ${column} FROM tenants WHERE slug = 'many-5'), gen_random_uuid()) AND true
         ORDER BY ${column}, id LIMIT 101`,
      );
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toMatch(
        column === 'slug' ? /Index Scan|Incremental Sort/ : /Index Scan using tenants_/,
      );
    }
    const back = await ask<Listed>(LIST, { last: 2, search: 'many-', orderBy: { field: 'SLUG' } });
    expect(back.data.tenants.nodes.map(({ slug }) => slug)).toEqual(['many-998', 'many-999']);
    expect(back.data.tenants.totalCount).toBe(3_000);
    const suspended = await ask<Listed>(LIST, {
      search: 'MANY 5',
      filter: { status: 'SUSPENDED', plan: 'free' },
    });
    expect(suspended.data.tenants.totalCount).toBe(30);
    const none = await ask<Listed>(LIST, { search: '%', filter: { plan: 'gold' } });
    expect(none.data.tenants).toMatchObject({ nodes: [], totalCount: 0 });
    // Nearly two hundred requests.
  }, 240_000);

  test('is in no tenant’s log, and takes no cursor of another order', async () => {
    const before = await auditRows(server().database, 'globex');
    const { data } = await ask<Listed>(LIST, { first: 1 });
    const after = data.tenants.pageInfo.endCursor;
    const { errors } = await ask<Listed>(LIST, { after, orderBy: { field: 'NAME' } });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    expect(await auditRows(server().database, 'globex')).toEqual(before);
  });
});

describe('changes', () => {
  const mutation = (field: string, selection = 'tenant { slug name plan status suspensionReason }') =>
    `mutation ($input: ${field[0]!.toUpperCase()}${field.slice(1)}Input!) { ${field}(input: $input) { ${selection} } }`;

  test('create, suspend, resume, rename and move a tenant, each with its entry and its reason', async () => {
    const slug = newSlug();
    const create = { slug, name: 'Hooli', ownerUserId: 'idp|gavin', ownerEmail: `owner@${slug}.test` };
    const steps: readonly [string, object, object][] = [
      ['createTenant', { ...create, reason: 'A contract' }, { slug, name: 'Hooli', status: 'ACTIVE' }],
      ['suspendTenant', { slug, reason: 'Unpaid' }, { status: 'SUSPENDED', suspensionReason: 'Unpaid' }],
      ['resumeTenant', { slug, reason: 'Paid' }, { status: 'ACTIVE', suspensionReason: null }],
      ['renameTenant', { slug, name: 'Hooli XYZ', reason: 'Asked' }, { slug, name: 'Hooli XYZ' }],
      ['changeTenantPlan', { slug, plan: 'pro', reason: 'Upsold' }, { plan: 'pro' }],
      [
        'suspendTenant',
        { slug, reason: 'Secret', tellMembers: false },
        { status: 'SUSPENDED', suspensionReason: null },
      ],
      ['resumeTenant', { slug, reason: 'Done' }, { status: 'ACTIVE' }],
    ];
    for (const [field, input, result] of steps) {
      const { data, errors } = await ask<Record<string, { tenant: object }>>(mutation(field), { input });
      expect([field, errors]).toEqual([field, []]);
      expect(data[field]?.tenant).toMatchObject(result);
    }
    const entries = await entriesFor(slug);
    expect(entries.map(({ action, newValue }) => [action, (newValue as { reason: string }).reason])).toEqual([
      ['operator.tenant_founded', 'A contract'],
      ['operator.tenant_suspended', 'Unpaid'],
      ['operator.tenant_resumed', 'Paid'],
      ['operator.tenant_renamed', 'Asked'],
      ['operator.plan_changed', 'Upsold'],
      ['operator.tenant_suspended', 'Secret'],
      ['operator.tenant_resumed', 'Done'],
    ]);
    const rows = await auditRows(server().database, slug);
    expect(rows.filter(({ action }) => action === 'tenant.updated').map(({ actor }) => actor)).toEqual(
      Array.from({ length: 6 }, () => 'jane@ops.test'),
    );
    const moved = newSlug();
    const input = { slug, newSlug: moved, reason: 'Typo' };
    expect((await ask(mutation('renameTenant'), { input })).data).toMatchObject({
      renameTenant: { tenant: { slug: moved } },
    });
    expect((await ask(READ, { slug, reason: 'x' })).data).toEqual({ tenant: null });
  });

  test.each<[string, object, string]>([
    ['suspendTenant', { slug: 'nobody', reason: 'x' }, 'NOT_FOUND'],
    ['suspendTenant', { slug: 'acme', reason: '' }, 'BAD_USER_INPUT'],
    ['renameTenant', { slug: 'acme', reason: 'x' }, 'BAD_USER_INPUT'],
    ['renameTenant', { slug: 'acme', newSlug: 'admin', reason: 'x' }, 'BAD_USER_INPUT'],
    ['renameTenant', { slug: 'acme', newSlug: 'globex', reason: 'x' }, 'CONFLICT'],
    ['renameTenant', { slug: 'acme', newSlug: 'No_Label', reason: 'x' }, 'BAD_USER_INPUT'],
    ['changeTenantPlan', { slug: 'acme', plan: 'gold', reason: 'x' }, 'BAD_USER_INPUT'],
  ])('%s(%j) is refused with %s, and changes nothing', async (field, input, code) => {
    const before = await auditRows(server().database, 'acme');
    const { data, errors } = await ask(mutation(field), { input });
    expect([data, errors[0]?.extensions.code]).toEqual([{ [field]: null }, code]);
    expect(await auditRows(server().database, 'acme')).toEqual(before);
  });

  test('a token without the scope is refused, field by field', async () => {
    const token = operatorToken({ scope: 'openid tenants:read' });
    const reading = await askOperators(server(), '{ tenants(first: 1) { nodes { slug } } }', { token });
    expect(reading.errors).toEqual([]);
    const input = { slug: 'acme', reason: 'x' };
    const { data, errors } = await askOperators(server(), mutation('suspendTenant'), {
      token,
      variables: { input },
    });
    expect(data).toEqual({ suspendTenant: null });
    expect(errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'tenants:manage' });
    const nothing = await askOperators(server(), '{ tenants(first: 1) { nodes { slug } } }', {
      token: operatorToken({ scope: undefined }),
    });
    expect(nothing.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'tenants:read' });
  });
});

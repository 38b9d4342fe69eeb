/** Operators have a tenant erased at their door, and cancel it while it waits. */
import { describe, expect, test } from 'vitest';
import { ErasureRunner } from '../../src/services/lifecycle/erasure-runner.js';
import { askOperators, newSlug, operatorToken, OPERATORS } from '../support/operators.js';
import { auditRows } from '../support/rows.js';
import { useServer } from '../support/server.js';
import { createTestTenant } from '../support/tenant-fixtures.js';

const server = useServer({ env: OPERATORS });
interface Erased {
  readonly tenant: {
    readonly status: string;
    readonly erasure: {
      readonly state: string;
      readonly requestedBy: string;
      readonly executeAt: string;
    } | null;
  };
}
const ERASE = `mutation ($input: EraseTenantInput!) {
  eraseTenant(input: $input) { tenant { status erasure { state requestedBy executeAt } } } }`;
const CANCEL = `mutation ($input: CancelTenantErasureInput!) {
  cancelTenantErasure(input: $input) { tenant { status erasure { state } } } }`;
const erase = (slug: string, changes: Record<string, unknown> = {}, token = operatorToken()) =>
  askOperators<{ eraseTenant: Erased | null }>(server(), ERASE, {
    token,
    variables: { input: { slug, confirm: `erase ${slug}`, reason: 'Ticket 77', ...changes } },
  });
const cancel = (slug: string) =>
  askOperators<{ cancelTenantErasure: Erased | null }>(server(), CANCEL, {
    variables: { input: { slug, reason: 'Ticket 78' } },
  });

async function tenant(): Promise<string> {
  const slug = newSlug();
  await createTestTenant(server().database, slug);
  return slug;
}
const statusOf = async (slug: string) => {
  const [row] = await server().database.asSuperuser<{ status: string }>(
    'SELECT status FROM tenants WHERE slug = $1',
    [slug],
  );
  return row?.status;
};
const DAY_MS = 86_400_000;

describe('an operator', () => {
  test('has a tenant suspended at once and erased after the waiting period', async () => {
    const slug = await tenant();
    const { data, errors } = await erase(slug);
    expect(errors).toEqual([]);
    expect(data.eraseTenant?.tenant).toMatchObject({
      status: 'SUSPENDED',
      erasure: { state: 'REQUESTED', requestedBy: 'jane@ops.test' },
    });
    const days = (Date.parse(data.eraseTenant!.tenant.erasure!.executeAt) - Date.now()) / DAY_MS;
    expect(Math.round(days)).toBe(30);
    const entries = await auditRows(server().database, slug);
    expect(entries).toContainEqual(
      expect.objectContaining({ action: 'operator.erasure_requested', actor_type: 'operator' }),
    );
    expect(entries).toContainEqual(
      expect.objectContaining({ action: 'tenant.erasure_requested', actor: 'jane@ops.test' }),
    );
  });

  test('cancels it, and the tenant is in use again', async () => {
    const slug = await tenant();
    await erase(slug);
    const { data, errors } = await cancel(slug);
    expect(errors).toEqual([]);
    expect(data.cancelTenantErasure).toEqual({ tenant: { status: 'ACTIVE', erasure: null } });
    const again = await cancel(slug);
    expect([again.data, again.errors[0]?.extensions.code]).toEqual([
      { cancelTenantErasure: null },
      'NOT_FOUND',
    ]);
  });

  test('leaves a tenant suspended that was suspended before', async () => {
    const slug = await tenant();
    await server().database.asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = $1", [slug]);
    await erase(slug);
    await cancel(slug);
    expect(await statusOf(slug)).toBe('suspended');
  });

  test('has a tenant erased at once, also when an erasure waits', async () => {
    const { database, services } = server();
    const [slug, other] = [await tenant(), await tenant()];
    await erase(slug);
    const { data } = await erase(slug, { now: true });
    expect(Date.parse(data.eraseTenant!.tenant.erasure!.executeAt)).toBeLessThanOrEqual(Date.now() + 1_000);
    const runner = new ErasureRunner({
      url: database.operator,
      contextKey: database.contextKey,
      stores: [],
      plans: services.plans,
      keys: undefined,
      warn: (problem, fields) => {
        throw new Error(problem, { cause: fields?.['err'] });
      },
    });
    await expect.poll(() => runner.round().then(() => statusOf(slug))).toBeUndefined();
    expect(await statusOf(other)).toBe('active');
  });

  test('who asks again later than before changes nothing', async () => {
    const slug = await tenant();
    const first = await erase(slug, { now: true });
    const second = await erase(slug);
    expect(second.data.eraseTenant?.tenant.erasure?.executeAt).toBe(
      first.data.eraseTenant?.tenant.erasure?.executeAt,
    );
  });

  test.each([
    ['another word', { confirm: 'erase' }],
    ['the name of another tenant', { confirm: 'erase globex' }],
    ['no reason', { reason: ' ' }],
  ])('with %s erases nothing', async (_what, changes) => {
    const slug = await tenant();
    const { data, errors } = await erase(slug, changes);
    expect([data, errors[0]?.extensions.code]).toEqual([{ eraseTenant: null }, 'BAD_USER_INPUT']);
    expect(await statusOf(slug)).toBe('active');
  });

  test('without the permission erases nothing, and cancels nothing', async () => {
    const slug = await tenant();
    const token = operatorToken({ scope: 'tenants:read tenants:manage tenants:impersonate' });
    const { data, errors } = await erase(slug, {}, token);
    expect([data, errors[0]?.extensions]).toEqual([
      { eraseTenant: null },
      expect.objectContaining({ code: 'FORBIDDEN', requires: 'tenants:erase' }),
    ]);
    expect(await statusOf(slug)).toBe('active');
  });
});

test('an operator sees the exports that owners have asked for', async () => {
  const slug = await tenant();
  const owner = await server().as(`owner@${slug}.test`, slug);
  await owner.query('mutation { requestTenantExport(input: { anonymise: true }) { export { id } } }');
  const { data, errors } = await askOperators<{ tenant: { exports: unknown[] } }>(
    server(),
    `query ($slug: String!) { tenant(slug: $slug, reason: "x") { exports { status requestedBy anonymised size } } }`,
    { variables: { slug } },
  );
  expect(errors).toEqual([]);
  expect(data.tenant.exports).toEqual([
    { status: 'PENDING', requestedBy: `owner|${slug}`, anonymised: true, size: null },
  ]);
});

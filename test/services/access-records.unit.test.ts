/** Proves that nobody can flood an audit log with records of refused attempts, and that a failure to write one is reported. */
import { expect, test } from 'vitest';
import { TenantMismatchError } from '../../src/kernel/auth/authenticate.js';
import type { TenantBinder } from '../../src/kernel/tenancy/tenant-client.js';
import { AccessRecords, MOST_PER_MINUTE } from '../../src/services/access-records/access-records.js';

function recorder({ fails = false } = {}) {
  const written: { readonly tenantId: string; readonly value: unknown }[] = [];
  const warnings: string[] = [];
  let lookUps = 0;
  let now = 1;
  const forTenant = ({ tenantId }: { readonly tenantId: string }) => ({
    transaction: (work: (tx: unknown) => Promise<unknown>) =>
      work({
        $executeRaw: async ({ values }: { readonly values: readonly unknown[] }) => {
          if (fails) throw Object.assign(new Error('secret of the failure'), { code: '57P01' });
          written.push({ tenantId, value: JSON.parse(String(values[3])) as unknown });
        },
      }),
  });
  const records = new AccessRecords(
    {
      database: { forTenant } as unknown as TenantBinder,
      access: {
        resolve: async (_tenant, userId) => {
          lookUps++;
          return {
            tenantId: 't',
            slug: 't',
            status: 'active',
            plan: 'free',
            role: userId === 'member' ? 'viewer' : undefined,
          };
        },
      },
      warn: (problem) => warnings.push(problem),
      enabled: true,
    },
    { now: () => now },
  );
  const refuse = (mutation: string, tenantId = 't', id = 'u') =>
    records.mutationRefused({ tenantId, actor: { type: 'user', id }, requestId: 'r' }, mutation, 'p');
  return { records, written, warnings, refuse, lookUps: () => lookUps, pass: (ms: number) => (now += ms) };
}

test('a tenant gets so many entries in a minute, and later hears how many were left out', async () => {
  const { records, written, refuse, pass } = recorder();
  for (let each = 0; each < MOST_PER_MINUTE + 7; each++) refuse(`m${String(each)}`);
  refuse('m', 'another');
  await records.close();
  expect(written.filter(({ tenantId }) => tenantId === 't')).toHaveLength(MOST_PER_MINUTE);
  expect(written.at(-1)).toEqual({ tenantId: 'another', value: { mutation: 'm', requires: 'p' } });
  pass(61_000);
  refuse('next');
  refuse('after');
  await records.close();
  expect(written.slice(-2).map(({ value }) => value)).toEqual([
    { mutation: 'next', requires: 'p', left_out: 7 },
    { mutation: 'after', requires: 'p' },
  ]);
});

test('the same by the same actor is recorded again after ten minutes', async () => {
  const { records, written, refuse, pass } = recorder();
  for (let each = 0; each < 5; each++) refuse('m');
  refuse('m', 't', 'somebody else');
  await records.close();
  expect(written).toHaveLength(2);
  pass(601_000);
  refuse('m');
  await records.close();
  expect(written).toHaveLength(3);
});

test('many requests at another host cause one look-up', async () => {
  const { records, written, lookUps } = recorder();
  for (let each = 0; each < 50; each++) {
    for (const userId of ['member', 'stranger'])
      records.refused(new TenantMismatchError('', 'h'.repeat(5_000), { tenantRef: 't', userId }), 'r');
  }
  await records.close();
  expect(lookUps()).toBe(2);
  expect(written).toEqual([{ tenantId: 't', value: { host: 'h'.repeat(63) } }]);
});

test('a record that cannot be written is reported without the failure’s text', async () => {
  const { records, warnings, refuse } = recorder({ fails: true });
  refuse('m');
  await records.close();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).not.toContain('secret');
});

/** The audit log is no way round a permission: a recorded value is shown to whom its field would be. */
import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

interface Entries {
  readonly auditLog: {
    readonly nodes: { oldValue: Record<string, unknown>; newValue: Record<string, unknown> }[];
  };
}

test('the plan in an entry is for those who may see the plan', async () => {
  const owner = await server().as('owner', 'acme');
  const admin = await server().as('admin', 'acme');
  await owner.query('mutation { changePlan(input: { plan: "team" }) { tenant { id } } }');
  const query =
    '{ auditLog(first: 1, filter: { action: "tenant.updated" }) { nodes { oldValue newValue } } }';

  const seenByOwner = (await owner.query<Entries>(query)).data.auditLog.nodes[0];
  expect(seenByOwner).toMatchObject({ oldValue: { plan: 'free' }, newValue: { plan: 'team' } });

  const seenByAdmin = (await admin.query<Entries>(query)).data.auditLog.nodes[0];
  expect(seenByAdmin?.newValue).toMatchObject({ slug: 'acme', settings: {} });
  for (const value of [seenByAdmin?.oldValue, seenByAdmin?.newValue]) {
    expect(value).not.toHaveProperty('plan');
    expect(value).not.toHaveProperty('billing_email');
  }
});

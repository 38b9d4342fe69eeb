/**
 * Proves that the audit log does not bypass permissions: a recorded value is shown only to callers who may read its
 * field.
 */
import { expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { useKeyClients } from '../support/key-clients.js';
import { useServer } from '../support/server.js';

const server = useServer();
const keyOf = useKeyClients(server);

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
    expect(value).not.toHaveProperty('billingEmail');
  }
});

test('a row is for those who may read its type: the permission for the log does not do', async () => {
  const { database } = server();
  const owner = await server().as('owner', 'acme');
  await database.asSuperuser(
    "UPDATE memberships SET email = 'hidden@acme.test' WHERE tenant_id = $1 AND role = 'viewer'",
    [await database.tenantId('acme')],
  );
  const query =
    '{ auditLog(first: 1, filter: { action: "membership.updated" }) { nodes { oldValue newValue } } }';
  const seen = async (...permissions: Permission[]) =>
    (await (await keyOf(...permissions)).query<Entries>(query)).data.auditLog.nodes[0]?.newValue;

  expect((await owner.query<Entries>(query)).data.auditLog.nodes[0]?.newValue).toMatchObject({
    email: 'hidden@acme.test',
    role: 'VIEWER',
  });
  expect(await seen('audit:read')).toEqual({});
  expect(Object.keys((await seen('audit:read', 'members:read')) ?? {}).sort()).toEqual([
    'id',
    'joinedAt',
    'role',
    'userId',
  ]);
  expect(await seen('audit:read', 'users:manage')).toEqual({});
});

test('what no field shows is for nobody: secrets by any name, columns that are not known, entities neither', async () => {
  const { database } = server();
  const tenantId = await database.tenantId('acme');
  const value = {
    slug: 'acme',
    passwordHash: 'x',
    apiSecret: 'x',
    'access-token': 'x',
    salaryCents: 1,
    tenant_id: 'x',
  };
  for (const entity of ['Tenant', 'Nobody']) {
    await database.asSuperuser(
      `INSERT INTO audit_log (tenant_id, actor, actor_type, action, entity, new_value)
       VALUES ($1, 'x', 'system', 'planted.' || lower($2), $2, $3)`,
      [tenantId, entity, JSON.stringify(value)],
    );
  }
  const owner = await server().as('owner', 'acme');
  const seen = async (action: string) =>
    (
      await owner.query<Entries>(
        `{ auditLog(first: 1, filter: { action: "${action}" }) { nodes { oldValue newValue } } }`,
      )
    ).data.auditLog.nodes[0];
  expect(await seen('planted.tenant')).toEqual({ oldValue: null, newValue: { slug: 'acme' } });
  expect(await seen('planted.nobody')).toEqual({ oldValue: null, newValue: {} });
});

/**
 * Proves that the lists of the platform page through exactly the tenant's own rows, that their filters select what they
 * say, and that they cost the same number of transactions for many rows as for few.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { useClients } from '../support/clients.js';
import { provePaging, secondsLater, sortKey } from '../support/connections.js';
import type { TestDatabase } from '../support/database.js';
import { bareId } from '../support/ids.js';
import {
  insertApiKey,
  insertDelivery,
  insertImpersonation,
  insertInvitation,
  insertMembership,
  insertTenant,
  insertWebhook,
} from '../support/rows.js';
import { useServer } from '../support/server.js';
import { transactionsAmong, watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer();
const clientOf = useClients(server);

/** A UUIDv7 of that second. The audit log is sorted by it. */
function idOfSecond(seconds: number): string {
  const milliseconds = Date.parse(secondsLater(seconds)).toString(16).padStart(12, '0');
  const random = randomBytes(8).toString('hex');
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 16).padEnd(12, '0')}`;
}

interface NewEntry {
  readonly id?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly entity?: string;
  readonly entityId?: string | null;
  readonly requestId?: string | null;
  readonly createdAt?: string;
}

async function insertEntry(database: TestDatabase, tenant: string, entry: NewEntry): Promise<string> {
  const id = entry.id ?? randomUUID();
  await database.asSuperuser(
    `INSERT INTO audit_log (tenant_id, id, actor, actor_type, action, entity, entity_id, request_id, created_at)
     VALUES ($1, $2, $3, 'user', $4, $5, $6, $7, $8)`,
    [
      await database.tenantId(tenant),
      id,
      entry.actor ?? 'somebody',
      entry.action ?? 'thing.happened',
      entry.entity ?? 'Thing',
      entry.entityId ?? null,
      entry.requestId ?? null,
      entry.createdAt ?? secondsLater(0),
    ],
  );
  return id;
}

describe('members', () => {
  provePaging(server, {
    field: 'members',
    direction: 'asc',
    column: 'joinedAt',
    rows: async (database, tenant) =>
      database.asSuperuser(`SELECT id, ${sortKey('joined_at')} FROM memberships WHERE tenant_id = $1`, [
        await database.tenantId(tenant),
      ]),
    add: (database, tenant, seconds) =>
      insertMembership(database, tenant, { joinedAt: secondsLater(seconds) }),
    remove: async (database, tenant, id) =>
      database.asSuperuser('DELETE FROM memberships WHERE tenant_id = $1 AND id = $2', [
        await database.tenantId(tenant),
        id,
      ]),
  });

  interface Members {
    readonly members: {
      readonly nodes: readonly { userId: string; role: string }[];
      readonly totalCount: number;
    };
  }
  const filtered = async (filter: object | null) => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query<Members>(
      'query ($filter: MembershipFilter) { members(first: 100, filter: $filter) { nodes { userId role } totalCount } }',
      { filter },
    );
    expect(errors).toEqual([]);
    return data.members;
  };

  test('are filtered by role, and counted so', async () => {
    const { nodes, totalCount } = await filtered({ role: 'OWNER' });
    expect(nodes).toEqual([{ userId: 'demo|acme|owner', role: 'OWNER' }]);
    expect(totalCount).toBe(1);
  });

  test('are filtered by user, and by user and role together', async () => {
    const userId = 'demo|acme|admin';
    expect(await filtered({ userId })).toEqual({ nodes: [{ userId, role: 'ADMIN' }], totalCount: 1 });
    expect(await filtered({ userId, role: 'OWNER' })).toEqual({ nodes: [], totalCount: 0 });
  });

  test('are not found by the user id of another tenant, nor by a pattern', async () => {
    for (const userId of ['demo|globex|owner', 'demo|%', '']) {
      expect(await filtered({ userId })).toEqual({ nodes: [], totalCount: 0 });
    }
  });

  test('are all of them without a condition', async () => {
    const { totalCount } = await filtered(null);
    for (const filter of [{}, { role: null }, { userId: null, role: null }]) {
      expect((await filtered(filter)).totalCount).toBe(totalCount);
    }
  });

  test('are not filtered by text that cannot be stored', async () => {
    const { errors } = await (
      await clientOf('viewer')
    ).query('query ($userId: ID) { members(filter: { userId: $userId }) { totalCount } }', {
      userId: 'a\u0000',
    });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});

/** The rows of a table with the sort key of one column. */
const rowsOf = (table: string, column: string) => async (database: TestDatabase, tenant: string) =>
  database.asSuperuser<{ id: string; key: string }>(
    `SELECT id, ${sortKey(column)} FROM ${table} WHERE tenant_id = $1`,
    [await database.tenantId(tenant)],
  );

const removeFrom = (table: string) => async (database: TestDatabase, tenant: string, id: string) =>
  database.asSuperuser(`DELETE FROM ${table} WHERE tenant_id = $1 AND id = $2`, [
    await database.tenantId(tenant),
    id,
  ]);

describe('invitations', () => {
  provePaging(server, {
    field: 'invitations',
    direction: 'desc',
    column: 'invitedAt',
    rows: rowsOf('invitations', 'invited_at'),
    add: async (database, tenant, seconds) =>
      (await insertInvitation(database, tenant, { invitedAt: secondsLater(seconds) })).id,
    remove: removeFrom('invitations'),
  });

  test('are filtered by their status, and counted so', async () => {
    const { database } = server();
    const slug = 'filters-invitations';
    await insertTenant(database, slug);
    await insertMembership(database, slug, {
      role: 'owner',
      userId: 'filterer',
      email: 'filterer@test.test',
    });
    const past = secondsLater(0);
    const ids = {
      PENDING: (await insertInvitation(database, slug)).id,
      EXPIRED: (await insertInvitation(database, slug, { expiresAt: past })).id,
      // Revoked, and expired since then.
      REVOKED: (await insertInvitation(database, slug, { expiresAt: past, revokedAt: past })).id,
      ACCEPTED: (await insertInvitation(database, slug, { expiresAt: past })).id,
    };
    await database.asSuperuser('UPDATE invitations SET accepted_at = $2, accepted_by = $3 WHERE id = $1', [
      ids.ACCEPTED,
      past,
      'somebody',
    ]);
    const client = await clientOf('filterer@test.test', slug);
    const ask = async (filter: object | null) => {
      const { data, errors } = await client.query<{
        invitations: { nodes: { id: string; status: string }[]; totalCount: number };
      }>(
        'query ($filter: InvitationFilter) { invitations(filter: $filter) { nodes { id status } totalCount } }',
        { filter },
      );
      expect(errors).toEqual([]);
      return data.invitations;
    };
    for (const [status, id] of Object.entries(ids)) {
      expect(await ask({ status })).toEqual({
        nodes: [{ id: encodeId('Invitation', id), status }],
        totalCount: 1,
      });
    }
    for (const filter of [null, {}, { status: null }]) expect((await ask(filter)).totalCount).toBe(4);
  });
});

describe('API keys', () => {
  provePaging(server, {
    field: 'apiKeys',
    direction: 'desc',
    column: 'createdAt',
    rows: rowsOf('api_keys', 'created_at'),
    add: async (database, tenant, seconds) =>
      (await insertApiKey(database, tenant, { createdAt: secondsLater(seconds) })).id,
    remove: removeFrom('api_keys'),
  });
});

describe('impersonations', () => {
  provePaging(server, {
    field: 'impersonations',
    direction: 'desc',
    column: 'createdAt',
    rows: rowsOf('impersonations', 'created_at'),
    add: async (database, tenant, seconds) =>
      (await insertImpersonation(database, tenant, { createdAt: secondsLater(seconds) })).id,
    remove: removeFrom('impersonations'),
  });
});

describe('webhooks', () => {
  provePaging(server, {
    field: 'webhooks',
    direction: 'desc',
    column: 'createdAt',
    rows: rowsOf('webhooks', 'created_at'),
    add: (database, tenant, seconds) => insertWebhook(database, tenant, { createdAt: secondsLater(seconds) }),
    remove: removeFrom('webhooks'),
  });
});

describe('deliveries of webhooks', () => {
  provePaging(server, {
    field: 'webhookDeliveries',
    direction: 'desc',
    column: 'createdAt',
    rows: rowsOf('webhook_deliveries', 'created_at'),
    add: (database, tenant, seconds) =>
      insertDelivery(database, tenant, undefined, { createdAt: secondsLater(seconds) }),
    remove: removeFrom('webhook_deliveries'),
  });
});

describe('the audit log', () => {
  const entity = `Paged${randomBytes(4).toString('hex')}`;

  provePaging(server, {
    field: 'auditLog',
    args: `filter: { entity: "${entity}" }`,
    direction: 'desc',
    column: 'id',
    rows: async (database, tenant) =>
      database.asSuperuser('SELECT id, id::text AS key FROM audit_log WHERE tenant_id = $1 AND entity = $2', [
        await database.tenantId(tenant),
        entity,
      ]),
    // All entries have the same time, so only the id decides their order.
    add: (database, tenant, seconds) => insertEntry(database, tenant, { id: idOfSecond(seconds), entity }),
  });

  const found = async (filter: object) => {
    const { data, errors } = await (
      await clientOf('admin')
    ).query<{ auditLog: { nodes: { id: string }[]; totalCount: number } }>(
      'query ($filter: AuditEntryFilter) { auditLog(first: 100, filter: $filter) { nodes { id } totalCount } }',
      { filter },
    );
    expect(errors).toEqual([]);
    expect(data.auditLog.totalCount).toBe(data.auditLog.nodes.length);
    return data.auditLog.nodes.map(({ id }) => bareId(id)).sort();
  };

  test('is filtered by each of its conditions, and by all of them together', async () => {
    const { database } = server();
    const entry = {
      actor: 'the actor',
      action: 'wanted.found',
      entity: 'Wanted',
      entityId: randomUUID(),
      requestId: 'the-request',
      createdAt: secondsLater(3_600),
    };
    const wanted = await insertEntry(database, 'acme', entry);
    await insertEntry(database, 'globex', entry);
    const others = [];
    for (const field of ['actor', 'action', 'entity', 'entityId', 'requestId'] as const) {
      others.push(await insertEntry(database, 'acme', { ...entry, [field]: `other.${field}` }));
    }
    others.push(await insertEntry(database, 'acme', { ...entry, createdAt: secondsLater(7_200) }));

    const range = { from: secondsLater(3_600), to: secondsLater(3_601) };
    expect(await found({ ...entry, createdAt: range })).toEqual([wanted]);
    for (const field of ['actor', 'action', 'entity', 'entityId', 'requestId'] as const) {
      // All entries except the one that differs in this field.
      const same = others.filter(
        (_id, at) => at !== ['actor', 'action', 'entity', 'entityId', 'requestId'].indexOf(field),
      );
      expect(await found({ [field]: entry[field] })).toEqual([wanted, ...same].sort());
    }
  });

  test('is filtered by time, from the first moment until before the last', async () => {
    const { database } = server();
    const actor = 'on the clock';
    const [before, from, inside, to] = await Promise.all(
      [10, 11, 12, 13].map((second) =>
        insertEntry(database, 'acme', { actor, createdAt: secondsLater(second) }),
      ),
    );
    const range = { from: secondsLater(11), to: secondsLater(13) };
    expect(await found({ actor, createdAt: range })).toEqual([from, inside].sort());
    expect(await found({ actor, createdAt: { from: range.from } })).toEqual([from, inside, to].sort());
    expect(await found({ actor, createdAt: { to: range.to } })).toEqual([before, from, inside].sort());
    expect(await found({ actor, createdAt: {} })).toHaveLength(4);
    expect(await found({ actor, createdAt: { from: range.to, to: range.from } })).toEqual([]);
  });

  test('does not find the entries of another tenant by their ids', async () => {
    const entityId = randomUUID();
    await insertEntry(server().database, 'globex', { entityId, requestId: 'of-globex', actor: 'of globex' });
    for (const filter of [{ entityId }, { requestId: 'of-globex' }, { actor: 'of globex' }]) {
      expect(await found(filter)).toEqual([]);
    }
  });
});

describe('a list', () => {
  test.each([
    ['members', 'nodes { id userId email invitedBy }', 'viewer'],
    ['invitations', 'nodes { id email status }', 'admin'],
    ['apiKeys', 'nodes { id name permissions lastUsedAt }', 'admin'],
    ['webhooks', 'nodes { id url events }', 'admin'],
    ['webhookDeliveries', 'nodes { id event entityId webhook { url } }', 'admin'],
    ['auditLog', 'nodes { id actor action oldValue newValue }', 'owner'],
  ])('of %s costs one transaction, however long the page', async (field, selection, user) => {
    const client = await clientOf(user);
    const ask = (first: number) =>
      client.query(
        `{ ${field}(first: ${first}) { ${selection} edges { cursor } totalCount } me { userId } }`,
      );
    await ask(1);
    const [short, long] = [await statements.during(() => ask(2)), await statements.during(() => ask(100))];
    expect(transactionsAmong(long)).toBe(transactionsAmong(short));
    expect(long).toHaveLength(short.length);
    expect(transactionsAmong(long)).toBeLessThanOrEqual(2);
  });
});

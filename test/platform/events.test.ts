/**
 * Proves that a program which follows the events of a tenant receives each one once, in an order that never changes, and
 * nothing of another tenant.
 */
import { describe, expect, test } from 'vitest';
import { dropEntries } from '../../src/services/audit-trail/drop-entries.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bind, connected, contextOf } from '../support/demo-tenants.js';
import { bareId } from '../support/ids.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertMembership } from '../support/rows.js';
import { KEYS, makeEntries, sealAll, sealerOf, unsealed } from '../support/sealed-trails.js';
import { useServer, type TestClient } from '../support/server.js';
import { until } from '../support/until.js';

const server = useServer();
const withoutKeys = useServer({ sealKeys: null });
const keyWith = useKeyClients(server);

interface Event {
  readonly id: string;
  readonly action: string;
  readonly entity: string;
  readonly entityId: string | null;
  readonly createdAt: string;
}

interface Answered {
  readonly events: {
    readonly nodes: readonly Event[];
    readonly totalCount: number;
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const EVENTS = `query ($first: Int, $after: String) { events(first: $first, after: $after) {
  nodes { id action entity entityId createdAt } totalCount pageInfo { hasNextPage endCursor } } }`;

/** A program that goes on where it has stopped. */
class Follower {
  cursor: string | null = null;
  readonly seen: Event[] = [];

  constructor(
    readonly client: Pick<TestClient, 'query'>,
    readonly first = 100,
  ) {}

  /** Reads until there is nothing new. */
  async catchUp(): Promise<Answered['events']> {
    for (;;) {
      const variables = { first: this.first, after: this.cursor };
      const { data, errors } = await this.client.query<Answered>(EVENTS, variables);
      expect(errors).toEqual([]);
      this.seen.push(...data.events.nodes);
      this.cursor = data.events.pageInfo.endCursor ?? this.cursor;
      if (!data.events.pageInfo.hasNextPage) return data.events;
    }
  }
}

const follower = async (first?: number) => new Follower(await keyWith('events:read'), first);

/** The ids of the entries of a tenant in the order of sealing. */
async function sealedIn(slug: string): Promise<string[]> {
  const rows = await server().database.asSuperuser<{ id: string }>(
    `SELECT entry_id AS id FROM tenantry.audit_leaves WHERE tenant_id = $1 ORDER BY position`,
    [await server().database.tenantId(slug)],
  );
  return rows.map(({ id }) => id);
}

const idsOf = (events: readonly Event[]) => events.map(({ id }) => bareId(id));

describe('events', () => {
  test('are all sealed entries of the tenant in the order of sealing, page by page', async () => {
    await makeEntries(server().database, 'acme', 5);
    await makeEntries(server().database, 'globex', 5);
    await sealAll(server().database);
    const following = await follower(3);
    const { totalCount } = await following.catchUp();
    const sealed = await sealedIn('acme');
    expect(idsOf(following.seen)).toEqual(sealed);
    expect(totalCount).toBe(sealed.length);
    expect(following.seen.at(-1)).toMatchObject({
      action: 'test.happened',
      entity: 'Test',
      entityId: '4',
    });
    await makeEntries(server().database, 'acme', 2);
    await sealAll(server().database);
    await following.catchUp();
    expect(idsOf(following.seen)).toEqual(await sealedIn('acme'));
  });

  test('of a transaction that ends late come after the cursor, not before it', async () => {
    const { database } = server();
    await sealAll(database);
    const following = await follower();
    await following.catchUp();
    const before = following.seen.length;
    await connected(database.app, async (late) => {
      await late.query('BEGIN');
      await bind(late, contextOf(await database.tenantId('acme')));
      await late.query("SELECT tenantry.record_audit('late.happened', 'Test', NULL, NULL, NULL)");
      await makeEntries(database, 'acme', 3);
      const { sealer } = sealerOf(database);
      await sealer.round();
      await following.catchUp();
      await late.query('COMMIT');
      await sealer.close();
    });
    await sealAll(database);
    await following.catchUp();
    expect(
      following.seen
        .slice(before)
        .map(({ action }) => action)
        .sort(),
    ).toEqual(['late.happened', 'test.happened', 'test.happened', 'test.happened']);
    expect(idsOf(following.seen)).toEqual(await sealedIn('acme'));
  });

  test('are in the order of sealing, not of their times', async () => {
    const { database } = server();
    await connected(database.app, async (early) => {
      await early.query('BEGIN');
      await bind(early, contextOf(await database.tenantId('acme')));
      const record = "SELECT tenantry.record_audit('early.began', 'Test', NULL, NULL, NULL)";
      await early.query(record);
      await makeEntries(database, 'acme', 2);
      await early.query(record);
      await early.query('COMMIT');
    });
    await sealAll(database);
    const following = await follower(1);
    await following.catchUp();
    expect(idsOf(following.seen)).toEqual(await sealedIn('acme'));
  });

  test('reach a follower once each while many write', async () => {
    const { database } = server();
    const following = await follower(7);
    const { sealer } = sealerOf(database);
    let isOver = false;
    const follow = async () => {
      while (!isOver) {
        await sealer.round();
        await following.catchUp();
      }
    };
    const followed = follow();
    await Promise.all(Array.from({ length: 6 }, () => makeEntries(database, 'acme', 15)));
    // Transactions of other tests on the same server delay it.
    await until('everything is sealed', async () => (await unsealed(database)) === 0, 55_000);
    isOver = true;
    await followed;
    await sealer.close();
    await following.catchUp();
    expect(idsOf(following.seen)).toEqual(await sealedIn('acme'));
  });

  test('tell the object as the caller may read it now', async () => {
    const { database } = server();
    const userId = 'user|seen';
    const query = `query ($after: String) { events(first: 100, after: $after) {
      nodes { entityId entityNode { ... on Membership { userId } } } } }`;
    const following = await follower();
    await following.catchUp();
    const membership = await insertMembership(database, 'acme', { userId, role: 'member' });
    await sealAll(database);
    const told = (client: Pick<TestClient, 'query'>) =>
      client.query<{ events: { nodes: readonly object[] } }>(query, { after: following.cursor });
    const id = encodeId('Membership', bareId(membership));
    const allowed = await told(await keyWith('events:read', 'members:read'));
    expect(allowed.data.events.nodes).toEqual([{ entityId: id, entityNode: { userId } }]);
    const refused = await told(await keyWith('events:read'));
    expect(refused.data.events.nodes).toEqual([{ entityId: id, entityNode: null }]);
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'members:read' } }]);
  });
});

test('the last ones are read backwards, before a cursor too', async () => {
  await makeEntries(server().database, 'acme', 4);
  await sealAll(server().database);
  const client = await keyWith('events:read');
  const sealed = await sealedIn('acme');
  const page = `query ($before: String) { events(last: 3, before: $before) {
    nodes { id } pageInfo { startCursor hasPreviousPage } } }`;
  interface Backward {
    readonly events: {
      readonly nodes: readonly { readonly id: string }[];
      readonly pageInfo: { readonly startCursor: string; readonly hasPreviousPage: boolean };
    };
  }
  const { events } = (await client.query<Backward>(page)).data;
  expect(events.nodes.map(({ id }) => bareId(id))).toEqual(sealed.slice(-3));
  expect(events.pageInfo.hasPreviousPage).toBe(true);
  const before = (await client.query<Backward>(page, { before: events.pageInfo.startCursor })).data.events;
  expect(before.nodes.map(({ id }) => bareId(id))).toEqual(sealed.slice(-6, -3));
});

test('a cursor of another tenant is a number, and tells nothing of that tenant', async () => {
  await makeEntries(server().database, 'globex', 40);
  await sealAll(server().database);
  const stranger = new Follower(await server().as('owner', 'globex'));
  await stranger.catchUp();
  const following = await follower();
  await following.catchUp();
  const own = new Set(await sealedIn('acme'));
  const { data } = await following.client.query<Answered>(EVENTS, { after: stranger.cursor });
  expect(idsOf(data.events.nodes).every((id) => own.has(id))).toBe(true);
});

test('something that is no cursor of this list is refused', async () => {
  const client = await keyWith('events:read');
  const of = (...position: unknown[]) => Buffer.from(JSON.stringify(position)).toString('base64url');
  const id = crypto.randomUUID();
  for (const after of [
    'x',
    of('position', '1.5', id),
    of('position', '9223372036854775808', id),
    of('id', '1', id),
  ]) {
    const { errors } = await client.query(EVENTS, { after });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
  }
  const { data } = await client.query<Answered>(EVENTS, { after: of('position', '9223372036854775807', id) });
  expect(data.events.nodes).toEqual([]);
});

test('a follower that was away too long is told so, and one that begins anew gets what is kept', async () => {
  const { database } = server();
  await makeEntries(database, 'acme', 3);
  await sealAll(database);
  const away = await follower(1);
  const { data } = await away.client.query<Answered>(EVENTS, { first: 1 });
  const tenantId = await database.tenantId('acme');
  await connected(database.operator, async (client) => {
    await client.query('BEGIN');
    await bind(client, contextOf(tenantId, { type: 'operator', id: 'root' }));
    const query = async <Row extends object>(sql: { text: string; values: unknown[] }) =>
      (await client.query<Row>(sql.text, sql.values)).rows;
    await dropEntries(query, { tenantId, before: new Date(Date.now() + 86_400_000) }, KEYS);
    await client.query('COMMIT');
  });
  const { errors } = await away.client.query(EVENTS, { after: data.events.pageInfo.endCursor });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }]);
  await makeEntries(database, 'acme', 2);
  await sealAll(database);
  const anew = await follower();
  const { totalCount } = await anew.catchUp();
  expect(idsOf(anew.seen)).toEqual((await sealedIn('acme')).slice(-totalCount));
  expect(totalCount).toBeLessThan((await sealedIn('acme')).length);
});

test('they need a permission of their own, and a server that seals', async () => {
  const client = await keyWith('audit:read');
  const { errors } = await client.query(EVENTS);
  expect(errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'events:read' });
  const { errors: unsealedErrors } = await (await withoutKeys().as('owner', 'acme')).query(EVENTS);
  expect(unsealedErrors[0]?.extensions.code).toBe('UNAVAILABLE');
});

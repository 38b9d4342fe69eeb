/**
 * Proves how the lists of the platform are filtered and ordered as clients ask: exactly the tenant's own rows that match,
 * page by page, and nothing by a value that the caller may not read.
 */
import { expect, test } from 'vitest';
import { useClients } from '../support/clients.js';
import { secondsLater } from '../support/connections.js';
import { insertApiKey, insertInvitation, insertMembership, insertTenant } from '../support/rows.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { useServer } from '../support/server.js';

const server = useServer();
const clientOf = useClients(server);

/** A tenant of its own, and its owner as a client. */
async function ownerOf(slug: string) {
  const { database } = server();
  await insertTenant(database, slug);
  const email = `owner@${slug}.test`;
  await insertMembership(database, slug, { role: 'owner', userId: `owner of ${slug}`, email });
  return clientOf(email, slug);
}

test('members are ordered both ways', async () => {
  const client = await clientOf('viewer');
  const ids = async (direction: string) => {
    const { data } = await client.query<{ members: { nodes: { id: string }[] } }>(
      `{ members(first: 100, orderBy: { direction: ${direction} }) { nodes { id } } }`,
    );
    return data.members.nodes.map(({ id }) => id);
  };
  const ascending = await ids('ASC');
  expect(ascending).toHaveLength(4);
  expect(await ids('DESC')).toEqual([...ascending].reverse());
});

test('members are filtered by address and inviter for whoever may see these, and for nobody else', async () => {
  const [email, invitedBy] = ['filtered.by.it@somewhere.test', 'the inviter'];
  await insertMembership(server().database, 'globex', { email, invitedBy });
  await insertMembership(server().database, 'acme', { email });
  const document =
    'query ($filter: MembershipFilter) { members(filter: $filter) { nodes { userId } totalCount } }';
  for (const filter of [
    { email: { startsWith: 'filtered.by' }, joinedAt: { from: '2020-01-01T00:00:00Z' } },
    { email: { in: [email] }, invitedBy },
    { invitedBy },
  ]) {
    const answer = await (
      await clientOf('admin', 'globex')
    ).query<{ members: { totalCount: number } }>(document, { filter });
    expect(answer.errors).toEqual([]);
    expect(answer.data.members.totalCount).toBe(1);
    const { errors, text } = await (await clientOf('viewer', 'globex')).query(document, { filter });
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'users:manage' } }]);
    expect(text).not.toContain('totalCount');
  }
});

test('invitations are ordered by the time at which they expire, page by page, also those of one status', async () => {
  const { database } = server();
  const slug = 'orders-invitations';
  const client = await ownerOf(slug);
  const sent: Record<number, string> = {};
  for (const day of [2, 3, 1]) {
    const email = `${String(day)}@new.test`;
    const expiresAt = `2099-01-0${String(day)}T00:00:00Z`;
    const { id } = await insertInvitation(database, slug, { email, expiresAt, invitedBy: 'sender' });
    sent[day] = encodeId('Invitation', id);
  }
  await insertInvitation(database, slug, { email: 'over@new.test', expiresAt: secondsLater(0) });
  await insertInvitation(database, slug, { email: 'other@else.test', expiresAt: '2099-01-01T00:00:00Z' });
  const page = async (after: string | null) => {
    const { data, errors } = await client.query<{
      invitations: { nodes: { id: string }[]; pageInfo: { endCursor: string | null }; totalCount: number };
    }>(
      `query ($after: String) {
         invitations(
           first: 2, after: $after, orderBy: { field: EXPIRES_AT, direction: ASC }
           filter: { status: PENDING, role: VIEWER, email: { contains: "@new" }, invitedBy: "sender" }
         ) { nodes { id } pageInfo { endCursor } totalCount }
       }`,
      { after },
    );
    expect(errors).toEqual([]);
    return data.invitations;
  };
  const first = await page(null);
  expect(first).toMatchObject({ nodes: [{ id: sent[1] }, { id: sent[2] }], totalCount: 3 });
  expect((await page(first.pageInfo.endCursor)).nodes).toEqual([{ id: sent[3] }]);
});

test('API keys are filtered by their status, name, creator and time, and ordered both ways', async () => {
  const { database } = server();
  const slug = 'filters-keys';
  const client = await ownerOf(slug);
  const past = secondsLater(0);
  const ids: string[] = [];
  for (const [at, key] of [
    {},
    { expiresAt: past },
    { expiresAt: past, revokedAt: past },
    { expiresAt: '2099-01-01T00:00:00Z', createdBy: 'another' },
  ].entries()) {
    const { id } = await insertApiKey(database, slug, { ...key, createdAt: secondsLater(at) });
    ids.push(encodeId('ApiKey', id));
  }
  const ask = async (filter: object | null, direction = 'ASC') => {
    const { data, errors } = await client.query<{ apiKeys: { nodes: { id: string }[]; totalCount: number } }>(
      `query ($filter: ApiKeyFilter, $direction: OrderDirection!) {
         apiKeys(filter: $filter, orderBy: { direction: $direction }) { nodes { id } totalCount }
       }`,
      { filter, direction },
    );
    expect(errors).toEqual([]);
    expect(data.apiKeys.totalCount).toBe(data.apiKeys.nodes.length);
    return data.apiKeys.nodes.map(({ id }) => id);
  };
  expect(await ask({ status: 'ACTIVE' })).toEqual([ids[0], ids[3]]);
  expect(await ask({ status: 'EXPIRED' })).toEqual([ids[1]]);
  expect(await ask({ status: 'REVOKED' })).toEqual([ids[2]]);
  expect(await ask({ createdBy: 'another' })).toEqual([ids[3]]);
  expect(await ask({ createdAt: { from: secondsLater(1), to: secondsLater(2) } })).toEqual([ids[1]]);
  expect(await ask({ name: { startsWith: 'a k' } }, 'DESC')).toEqual([...ids].reverse());
  expect(await ask({ name: { contains: '%' } })).toEqual([]);
  expect(await ask(null)).toEqual(ids);
});

test('the audit log is filtered by the kind of the actor, and ordered both ways', async () => {
  const client = await ownerOf('filters-log');
  for (const name of ['one', 'two', 'three']) {
    await client.query(
      'mutation ($name: String!) { updateTenant(input: { name: $name }) { tenant { id } } }',
      { name },
    );
  }
  const ask = async (actorType: string, direction: string) => {
    const { data, errors } = await client.query<{ auditLog: { nodes: { id: string; actor: string }[] } }>(
      `{ auditLog(filter: { actorType: ${actorType} }, orderBy: { direction: ${direction} }) { nodes { id actor } } }`,
    );
    expect(errors).toEqual([]);
    return data.auditLog.nodes;
  };
  const byUser = await ask('USER', 'ASC');
  expect(byUser).toHaveLength(3);
  expect(new Set(byUser.map(({ actor }) => actor))).toEqual(new Set(['owner of filters-log']));
  expect(await ask('USER', 'DESC')).toEqual([...byUser].reverse());
  // The rows that the superuser has put there.
  expect(await ask('SYSTEM', 'ASC')).toHaveLength(2);
  expect(await ask('API_KEY', 'ASC')).toEqual([]);
});

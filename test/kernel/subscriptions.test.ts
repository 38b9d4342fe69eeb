/**
 * Subscriptions as clients see them, with a real WebSocket client and two servers on one database. Proves that an event
 * reaches exactly the subscribers who may see it, on every server, and that neither a forged announcement nor another
 * tenant’s id reveals anything.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { CHANGES_CHANNEL } from '../../src/kernel/notifications/change-events.js';
import { inForce, subscriberOf, subscriptionsAt, type Message, type Watched } from '../support/subscriber.js';
import { until } from '../support/until.js';
import {
  CHANGED,
  type Who,
  tokenOf,
  OWNER,
  arrived,
  noteChanged,
  useNoteEvents,
} from '../support/note-events.js';

const { database, server, replica, clientOf, memberOf, sql, write, addNote } = useNoteEvents();

const ADDED = 'subscription ($folder: ID!) { noteAdded(folderId: $folder) { id text } }';

/** All messages before that of a note that is added now. Events arrive in order. */
async function before(
  watched: Watched,
  slug: string,
  folder: string | null = null,
): Promise<readonly Message[]> {
  const last = `last ${randomUUID()}`;
  await addNote(slug, last, folder);
  const isLast = (message: Message) => JSON.stringify(message).includes(last);
  await until('the last note arrives', () => watched.messages.some(isLast));
  return watched.messages.filter((message) => !isLast(message));
}

describe('an event', () => {
  let who: Who;
  beforeAll(async () => {
    who = await memberOf('eventful');
  });

  test('reaches the subscribers on every server, in the order of the changes', async () => {
    const watched = [
      await inForce(server(), () => clientOf(who).subscribe(CHANGED)),
      await inForce(replica(), () => clientOf(who, replica()).subscribe(CHANGED)),
    ];
    const id = await addNote(who.slug, 'first');
    await write(who.slug, Prisma.sql`UPDATE notes SET text = 'second' WHERE id = ${id}::uuid`);
    await until('the update arrives', () => watched.every(({ messages }) => messages.length === 2));
    await write(who.slug, Prisma.sql`DELETE FROM notes WHERE id = ${id}::uuid`);
    for (const each of watched) {
      await arrived(each, 3);
      expect(each.messages).toEqual([
        // The state of the row when it is read, which may be later than the change.
        expect.objectContaining(noteChanged('CREATED', id, expect.any(String) as unknown as string)),
        noteChanged('UPDATED', id, 'second'),
        noteChanged('DELETED', id, null),
      ]);
    }
  });

  test('reaches each subscription of a connection that it concerns, and no other', async () => {
    const client = clientOf(who);
    const [mine, others] = [randomUUID(), randomUUID()];
    const watched = await inForce(server(), () => client.subscribe(ADDED, { folder: mine.toUpperCase() }));
    const elsewhere = await inForce(server(), () => client.subscribe(ADDED, { folder: others }));
    const id = await addNote(who.slug, 'mine', mine);
    await write(who.slug, Prisma.sql`UPDATE notes SET text = 'changed' WHERE id = ${id}::uuid`);
    await addNote(who.slug, 'in no folder');
    expect(await before(elsewhere, who.slug, others)).toEqual([]);
    expect(await before(watched, who.slug, mine)).toEqual([
      { data: { noteAdded: { id, text: expect.any(String) as string } } },
    ]);
    expect(client.connections).toBe(1);
  });

  test('is told with the permissions of the moment, field by field', async () => {
    const watched = await inForce(server(), () =>
      clientOf(who).subscribe('subscription { noteChanged { note { text secret role } } }'),
    );
    await addNote(who.slug, 'one');
    await arrived(watched, 1);
    expect(watched.messages[0]).toEqual({
      data: { noteChanged: { note: { text: 'one', secret: null, role: 'member' } } },
      errors: [
        {
          message: 'This needs the permission notes:write.',
          locations: [expect.any(Object)],
          path: ['noteChanged', 'note', 'secret'],
          extensions: { code: 'FORBIDDEN', requires: 'notes:write' },
        },
      ],
    });
    await sql("UPDATE memberships SET role = 'admin' WHERE user_id = $1", who.userId);
    await addNote(who.slug, 'two');
    await arrived(watched, 2);
    expect(watched.messages[1]).toEqual({
      data: { noteChanged: { note: { text: 'two', secret: 'the secret of two', role: 'admin' } } },
    });
    await sql("UPDATE memberships SET role = 'member' WHERE user_id = $1", who.userId);
  });

  test('ends with the subscription: nothing arrives any more, and nothing is kept', async () => {
    const client = clientOf(who);
    const watched = await inForce(server(), () => client.subscribe(CHANGED));
    const other = await inForce(server(), () => client.subscribe(CHANGED));
    watched.stop();
    await until('one subscription is over', async () => (await subscriptionsAt(server())) === 1);
    await addNote(who.slug, 'unseen');
    await arrived(other, 1);
    expect(watched.messages).toEqual([]);
    other.stop();
    await until('no subscription is left', async () => (await subscriptionsAt(server())) === 0);
  });

  test('whose resolver fails is told as a defect, under an id and with no word of why', async () => {
    const watched = await inForce(server(), () => clientOf(who).subscribe('subscription { brokenNote }'));
    await addNote(who.slug, 'a');
    await addNote(who.slug, 'b');
    await arrived(watched, 2);
    expect(watched.messages[1]).toEqual({
      data: { brokenNote: null },
      errors: [
        {
          message: 'Something went wrong on our side.',
          locations: [expect.any(Object)],
          path: ['brokenNote'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) as string },
        },
      ],
    });
    expect(JSON.stringify(watched.messages)).not.toContain('the secret');
  });
});

describe('another tenant', () => {
  let mine: Who;
  let theirs: Who;
  let myId: string;
  let theirId: string;
  beforeAll(async () => {
    mine = await memberOf('isolated');
    theirs = await memberOf('neighbour');
    myId = await database().tenantId('isolated');
    theirId = await database().tenantId('neighbour');
  });

  test('hears nothing of a change, also when both listen and both have the same ids', async () => {
    const folder = randomUUID();
    const id = randomUUID();
    const all = await inForce(server(), () => clientOf(mine).subscribe(CHANGED));
    const added = await inForce(server(), () => clientOf(mine).subscribe(ADDED, { folder }));
    const there = await inForce(server(), () => clientOf(theirs).subscribe(ADDED, { folder }));
    await addNote('neighbour', 'theirs', folder, id);
    await write('neighbour', Prisma.sql`UPDATE notes SET text = 'still theirs' WHERE id = ${id}::uuid`);
    await arrived(there, 1);
    await addNote('isolated', 'mine', folder, id);
    expect(await before(all, 'isolated')).toEqual([noteChanged('CREATED', id, 'mine')]);
    expect(await before(added, 'isolated', folder)).toEqual([{ data: { noteAdded: { id, text: 'mine' } } }]);
    expect(await before(there, 'neighbour', folder)).toHaveLength(1);
  });

  test('is not brought to light by an announcement that is forged', async () => {
    const folder = randomUUID();
    const theirNote = await addNote('neighbour', 'theirs', folder);
    const goneNote = await addNote('neighbour', 'gone', folder);
    await write('neighbour', Prisma.sql`DELETE FROM notes WHERE id = ${goneNote}::uuid`);
    const myNote = await addNote('isolated', 'in another folder', randomUUID());
    const all = await inForce(server(), () => clientOf(mine).subscribe(CHANGED));
    const added = await inForce(server(), () => clientOf(mine).subscribe(ADDED, { folder }));
    const keys = { folder_id: folder };
    const forged = (forgery: object) => JSON.stringify({ tenantId: myId, entity: 'Note', keys, ...forgery });
    const payloads = [
      ...['CREATED', 'UPDATED', 'DELETED'].flatMap((kind) =>
        [theirNote, goneNote, randomUUID()].map((id) => forged({ kind, id })),
      ),
      // Our own row, which has not been deleted and is in another folder.
      forged({ kind: 'DELETED', id: myNote }),
      forged({ kind: 'CREATED', id: 'no-id' }),
      forged({ kind: 'CREATED', id: theirNote, tenantId: theirId }),
      forged({ kind: 'CREATED', id: theirNote, tenantId: [myId, theirId] }),
      forged({ kind: 'CREATED', id: theirNote, keys: null }),
      forged({ kind: 'SEEN', id: theirNote }),
      forged({ kind: 'CREATED', id: theirNote, note: { text: 'put in' } }),
      '',
      '{',
      'null',
      '[]',
    ];
    for (const payload of payloads) await sql('SELECT pg_notify($1, $2)', CHANGES_CHANNEL, payload);
    await sql('SELECT pg_notify($1, $2)', CHANGES_CHANNEL, forged({ kind: 'CREATED', id: myNote }));

    // An announcement of a change that did not happen reveals only what the subscriber may read anyway.
    const told = await before(all, 'isolated');
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) {
      expect(message).toEqual(noteChanged('CREATED', myNote, 'in another folder'));
    }
    expect(await before(added, 'isolated', folder)).toEqual([]);
  });

  test('is no place to listen: not by the token, the subdomain, or both', async () => {
    const refusals: [string, Record<string, string>, string | undefined][] = [
      // The token is for one tenant, the host for the other.
      [tokenOf(mine), { host: 'neighbour.localhost' }, 'TENANT_MISMATCH'],
      // The user is not a member there.
      [tokenOf({ ...mine, slug: 'neighbour' }), {}, 'FORBIDDEN'],
      [tokenOf({ ...mine, slug: 'neighbour' }), { host: 'neighbour.localhost' }, 'FORBIDDEN'],
      [tokenOf({ ...mine, slug: 'nobody' }), {}, 'TENANT_NOT_FOUND'],
      [tokenOf({ ...mine, slug: '' }), {}, 'TENANT_REQUIRED'],
    ];
    for (const [token, headers, code] of refusals) {
      const client = subscriberOf(server(), { token, headers });
      const watched = client.subscribe(CHANGED);
      await until('the connection is refused', () => client.closed !== undefined);
      expect(client.closed).toMatchObject({
        code: 4403,
        reason: expect.stringContaining(`${code}: `) as string,
      });
      expect(watched.messages).toEqual([]);
    }
  });

  test('is not confused with the own one by the subdomain', async () => {
    const client = subscriberOf(server(), {
      token: tokenOf({ ...mine, slug: '' }),
      headers: { host: 'isolated.localhost' },
    });
    const watched = await inForce(server(), () => client.subscribe(CHANGED));
    const id = await addNote('isolated', 'by subdomain');
    await arrived(watched, 1);
    expect(watched.messages).toEqual([noteChanged('CREATED', id, 'by subdomain')]);
  });
});

describe('a client is refused at the start', () => {
  const wrongSecret = issueToken(
    { userId: 'demo|acme|owner', email: 'owner@acme.test', tenantId: 'acme' },
    { secret: 'x'.repeat(32), issuer: 'tenantry', audience: 'tenantry' },
    60,
  );
  const good = tokenOf({ slug: 'acme', userId: 'demo|acme|owner' });
  test.each<[string, Record<string, unknown>, Record<string, string>?]>([
    ['without a token', {}],
    ['with a token that nobody has signed', { authorization: `Bearer ${wrongSecret}` }],
    [
      'with an expired token',
      { authorization: `Bearer ${tokenOf({ slug: 'acme', userId: 'demo|acme|owner' }, -60)}` },
    ],
    ['with a token of another scheme', { authorization: `Basic ${good}` }],
    ['with something that is no text', { authorization: { Bearer: good } }],
    ['with a token in a header, where no browser can put it', {}, { authorization: `Bearer ${good}` }],
  ])('%s', async (_name, params, headers = {}) => {
    const client = subscriberOf(server(), { params, headers });
    const watched = client.subscribe(CHANGED);
    await until('the connection is refused', () => client.closed !== undefined);
    expect(client.closed).toMatchObject({ code: 4401 });
    expect(client.closed?.reason).toContain('UNAUTHENTICATED: ');
    expect(watched.messages).toEqual([]);
  });

  test('of a suspended tenant', async () => {
    const who = await memberOf('asleep');
    await sql("UPDATE tenants SET status = 'suspended' WHERE slug = 'asleep'");
    const client = clientOf(who);
    client.subscribe(CHANGED);
    await until('the connection is refused', () => client.closed !== undefined);
    expect(client.closed).toEqual({ code: 4403, reason: 'TENANT_SUSPENDED: This tenant is suspended.' });
  });
});

test('a field whose table is not published is a defect, not a silence', async () => {
  const client = clientOf(OWNER);
  const watched = client.subscribe('subscription { unpublished }');
  await until('it is answered', () => watched.end !== undefined);
  expect(watched.messages).toMatchObject([
    {
      errors: [
        { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ],
    },
  ]);
  expect(client.closed).toBeUndefined();
});

test('nobody pays for subscriptions that nobody has', async () => {
  const who = await memberOf('quiet');
  const client = clientOf(who);
  // A connection without a subscription costs nothing.
  const refused = client.subscribe('subscription { nothing }');
  await until('it is answered', () => refused.end !== undefined);
  const leases = () =>
    sql('SELECT FROM tenantry.listening JOIN tenants ON id = tenant_id WHERE slug = $1', 'quiet');
  expect(await leases()).toEqual([]);
  const watched = await inForce(server(), () => client.subscribe(CHANGED));
  expect(await leases()).toHaveLength(1);
  watched.stop();
});

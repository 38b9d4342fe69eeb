/**
 * Proves that accepting an invitation with an Idempotency-Key is part of the key's transaction: it uses the same
 * connection, so that concurrent ones do not wait for each other; it is rolled back with the rest; and only it is bound
 * to the invitation's tenant.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashSecret } from '../../src/kernel/auth/secrets.js';
import { sign, useDatabase } from '../support/database.js';
import { bind, boundAndUndone, contextOf, refusalOf } from '../support/demo-tenants.js';
import { NOTHING, ONCE, sendKeyed, tracesOf } from '../support/keyed-mutations.js';
import { insertInvitation, insertMembership } from '../support/rows.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { userToken } from '../support/user-token.js';

const database = useDatabase();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    database: database(),
    env: { DATABASE_POOL_SIZE: '2', DATABASE_TENANT_CONNECTIONS: '2' },
  });
});
afterAll(() => server.close());

const MISSING = '01900000-0000-7000-8000-000000000000';
const ACCEPT = 'acceptInvitation(input: { token: $token }) { membership { userId role tenant { slug } } }';

interface Invitee {
  readonly userId: string;
  readonly email: string;
  /** The token of the invitation. */
  readonly token: string;
  /** The user's access token for acme. */
  readonly bearer: string;
}

/** Creates a member of acme who is invited to globex. */
async function invitee(): Promise<Invitee> {
  const userId = `idp|${randomUUID()}`;
  await insertMembership(database(), 'acme', { userId, role: 'owner' });
  const { token, email } = await insertInvitation(database(), 'globex');
  return { userId, email, token, bearer: userToken({ sub: userId, email, tenant_id: 'acme' }) };
}

const send = ({ bearer, token }: Invitee, fields: string, key: string = randomUUID()) =>
  sendKeyed(server, bearer, key, {
    query: `mutation ($token: String!) { ${fields} }`,
    variables: { token },
  });

describe('an acceptance with an idempotency key', () => {
  test('takes no second connection: ten at once on a pool of two all succeed', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => invitee()));
    // On a busy machine a request may be refused and must be sent again. Taking a second connection would be another
    // error.
    const sendAgain = async (person: Invitee): Promise<readonly unknown[]> => {
      const { status, errors } = await send(person, ACCEPT);
      return status === 429 || status === 503 ? sendAgain(person) : errors;
    };
    expect((await Promise.all(people.map(sendAgain))).flat()).toEqual([]);
    for (const { email } of people)
      expect(await tracesOf(database(), email)).toEqual({ rows: 1, entries: 3 });
  });

  test('is undone with the rest, and the retry accepts', async () => {
    const person = await invitee();
    const key = randomUUID();
    const fails = `removeMember(input: { membershipId: "${MISSING}" }) { deletedId }`;
    const failed = await send(person, `${ACCEPT} ${fails}`, key);
    expect(failed.data).toBeNull();
    expect(failed.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    expect(await tracesOf(database(), person.email)).toEqual({ ...NOTHING, entries: 1 });
    const { errors, data } = await send(person, ACCEPT, key);
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ acceptInvitation: { membership: { tenant: { slug: 'globex' } } } });
  });

  test('takes effect once, and its retry is given the same answer', async () => {
    const person = await invitee();
    const key = randomUUID();
    const [first, second] = [await send(person, ACCEPT, key), await send(person, ACCEPT, key)];
    expect(first.errors).toEqual([]);
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.data).toEqual(first.data);
    expect((await tracesOf(database(), person.email)).rows).toBe(ONCE.rows);
  });

  test('leaves what comes before and behind it in the tenant of the request', async () => {
    const person = await invitee();
    const rename = (alias: string, name: string) =>
      `${alias}: updateTenant(input: { name: "${name}" }) { tenant { slug name } }`;
    const { errors, data } = await send(person, `${rename('a', 'One')} ${ACCEPT} ${rename('b', 'Two')}`);
    expect(errors).toEqual([]);
    expect(data).toMatchObject({
      a: { tenant: { slug: 'acme', name: 'One' } },
      b: { tenant: { slug: 'acme', name: 'Two' } },
    });
    const entries = await database().asSuperuser(
      `SELECT t.slug, a.entity, a.actor FROM audit_log a JOIN tenants t ON t.id = a.tenant_id
       WHERE a.actor = $1 ORDER BY a.id`,
      [person.userId],
    );
    const actor = person.userId;
    expect(entries).toEqual([
      { slug: 'acme', entity: 'Tenant', actor },
      { slug: 'globex', entity: 'Membership', actor },
      { slug: 'globex', entity: 'Invitation', actor },
      { slug: 'acme', entity: 'Tenant', actor },
    ]);
  });

  test('that is refused leaves the mutation beside it alone', async () => {
    const person = await invitee();
    const stranger = { ...person, token: (await insertInvitation(database(), 'globex')).token };
    const answer = await send(stranger, ACCEPT);
    expect(answer.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'email:invited' } }]);
    expect((await tracesOf(database(), person.email)).rows).toBe(0);
  });
});

describe('in the database, a transaction that is bound', () => {
  const accept = (client: pg.Client, token: string, userId: string, email: string) => {
    const { expires, signature } = sign('accept_invitation', hashSecret(token), userId, email, 'request');
    return client.query('SELECT * FROM tenantry.accept_invitation($1, $2, $3, $4, $5, $6)', [
      hashSecret(token),
      userId,
      email,
      'request',
      expires,
      signature,
    ]);
  };
  const inAcme = async <Result>(userId: string, work: (client: pg.Client) => Promise<Result>) =>
    boundAndUndone(
      database().app,
      contextOf(await database().tenantId('acme'), { type: 'user', id: userId }),
      work,
    );
  const SETTINGS = `SELECT name, coalesce(current_setting(name, true), '') AS value FROM unnest(ARRAY['app.current_tenant',
    'app.current_actor', 'app.current_actor_type', 'app.current_request', 'app.context_seal', 'statement_timeout',
    'transaction_read_only']) AS name`;

  test('is bound to its own tenant again, and reads nothing of the other', async () => {
    const { token, email } = await insertInvitation(database(), 'globex');
    await inAcme('somebody', async (client) => {
      const before = (await client.query(SETTINGS)).rows;
      expect((await accept(client, token, 'somebody', email)).rows).toMatchObject([{ outcome: 'accepted' }]);
      expect((await client.query(SETTINGS)).rows).toEqual(before);
      const { rows } = await client.query('SELECT DISTINCT tenant_id FROM memberships');
      expect(rows).toEqual([{ tenant_id: await database().tenantId('acme') }]);
      expect((await refusalOf(bind(client, contextOf(await database().tenantId('globex'))))).state).toBe(
        '25001',
      );
    });
  });

  test('is bound to its own tenant again when the acceptance fails', async () => {
    const { token, email } = await insertInvitation(database(), 'globex');
    await inAcme('somebody', async (client) => {
      const before = (await client.query(SETTINGS)).rows;
      await client.query('SAVEPOINT before');
      // Makes the function fail at its end, when it inserts the membership.
      await database().asSuperuser(
        'ALTER TABLE memberships ADD CONSTRAINT nobody CHECK (user_id <> $$somebody$$) NOT VALID',
      );
      try {
        expect((await refusalOf(accept(client, token, 'somebody', email))).state).toBe('23514');
      } finally {
        await client.query('ROLLBACK TO SAVEPOINT before');
        expect((await client.query(SETTINGS)).rows).toEqual(before);
        await client.query('COMMIT');
        await database().asSuperuser('ALTER TABLE memberships DROP CONSTRAINT nobody');
      }
    });
  });

  test('accepts for nobody but the user it acts for', async () => {
    const { token, email } = await insertInvitation(database(), 'globex');
    await inAcme('somebody', async (client) => {
      expect(await refusalOf(accept(client, token, 'somebody else', email))).toEqual({
        state: '42501',
        message: 'this transaction does not act for whoever accepts the invitation',
      });
    });
    expect((await tracesOf(database(), email)).rows).toBe(0);
  });
});

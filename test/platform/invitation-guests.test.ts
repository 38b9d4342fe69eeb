/** Proves that a guest, a user who is not yet a member of a tenant, can accept an invitation and do nothing else. */
import { describe, expect, test } from 'vitest';
import { stateOf } from '../support/mutations.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { insertInvitation } from '../support/rows.js';
import { userToken } from '../support/user-token.js';
import { TABLES, newEmail, ACCEPT, person, useInvitations } from '../support/invitations.js';

const { database, server, accept, membersWith } = useInvitations();

describe('a guest', () => {
  const stranger = person(newEmail());

  test.each([
    ['no tenant', {}],
    ['the tenant of the invitation', { tenant_id: 'acme' }],
    ['another tenant they are no member of', { tenant_id: 'globex' }],
  ])('may accept with a token that names %s', async (_name, claim) => {
    const { email, token } = await insertInvitation(database(), 'acme');
    expect((await accept(token, person(email, claim))).errors).toEqual([]);
    expect(await membersWith(email)).toHaveLength(1);
  });

  test('may accept at the host of a tenant', async () => {
    for (const host of ['acme', 'globex']) {
      const { email, token } = await insertInvitation(database(), 'acme');
      const answer = await rawPost(`${server().url}/graphql`, {
        host: `${host}.localhost`,
        authorization: `Bearer ${userToken(person(email))}`,
        body: JSON.stringify({ query: ACCEPT, variables: { input: { token } } }),
      });
      expect(parseBody(answer).errors).toBeUndefined();
    }
  });

  test('may ask for everything that the answer holds', async () => {
    const { email, token } = await insertInvitation(database(), 'acme');
    const { data, errors } = await server()
      .withHeaders({ authorization: `Bearer ${userToken(person(email))}` })
      .query(
        `mutation Join($token: String!) {
           joined: acceptInvitation(input: { token: $token }) { __typename ...Payload }
         }
         fragment Payload on AcceptInvitationPayload { membership { __typename role tenant { slug } } }`,
        { token },
      );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      joined: {
        __typename: 'AcceptInvitationPayload',
        membership: { __typename: 'ViewerMembership', role: 'VIEWER', tenant: { slug: 'acme' } },
      },
    });
  });

  const REFUSED: Readonly<Record<string, string>> = {
    'who they are': '{ me { userId } }',
    'the tenant': '{ tenant { id name } }',
    'the roles': '{ roles { role } }',
    'the type of the root': '{ __typename }',
    'the schema': '{ __schema { types { name } } }',
    members: '{ members { totalCount } }',
    'another mutation': 'mutation { updateTenant(input: { name: "Mine" }) { tenant { id } } }',
    'an invitation for themselves':
      'mutation { inviteMember(input: { email: "a@new.test", role: OWNER }) { emailSent } }',
    'another mutation beside it': `mutation { acceptInvitation(input: { token: "x" }) { membership { id } } updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'many tokens at once': `mutation { a: acceptInvitation(input: { token: "x" }) { membership { id } } b: acceptInvitation(input: { token: "y" }) { membership { id } } }`,
    'another mutation under its name': `mutation { acceptInvitation: updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'two operations': `mutation A { acceptInvitation(input: { token: "x" }) { membership { id } } } query B { me { userId } }`,
    'a fragment of the root': `mutation { ...A } fragment A on Mutation { updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'no GraphQL': 'mutation { acceptInvitation(',
  };

  test.each(Object.entries(REFUSED))('is refused %s, as ever', async (_name, query) => {
    const before = await stateOf(database(), TABLES);
    const unnamed = await server()
      .withHeaders({ authorization: `Bearer ${userToken(stranger)}` })
      .query(query);
    expect(unnamed).toMatchObject({ status: 403, errors: [{ extensions: { code: 'TENANT_REQUIRED' } }] });
    const named = await server()
      .withHeaders({ authorization: `Bearer ${userToken({ ...stranger, tenant_id: 'acme' })}` })
      .query(query);
    expect(named).toMatchObject({
      status: 403,
      errors: [{ extensions: { code: 'FORBIDDEN', requires: 'membership' } }],
    });
    expect(unnamed.text).not.toContain('data');
    expect(await stateOf(database(), TABLES)).toEqual(before);
  });

  test('is refused by GET, in a batch, and in a body that is too large', async () => {
    const authorization = `Bearer ${userToken({ ...stranger, tenant_id: 'acme' })}`;
    const query = 'mutation { acceptInvitation(input: { token: "x" }) { membership { id } } }';
    const url = `${server().url}/graphql`;
    const answers = [
      await fetch(`${url}?query=${encodeURIComponent(query)}`, {
        headers: { authorization, 'apollo-require-preflight': '1' },
      }),
      await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify([{ query }]),
      }),
      await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ query: query + ' '.repeat(4_096) }),
      }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    }
  });

  test('finds no tenant that is not there, and is believed only with a token that is', async () => {
    const { email, token } = await insertInvitation(database(), 'acme');
    expect((await accept(token, person(email, { tenant_id: 'no-such-tenant' }))).status).toBe(404);
    const forged = await server()
      .withHeaders({ authorization: `Bearer ${userToken(person(email))}x` })
      .query(ACCEPT, { input: { token } });
    expect(forged.status).toBe(401);
    expect(await membersWith(email)).toEqual([]);
  });
});

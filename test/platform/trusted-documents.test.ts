/**
 * Proves over HTTP that clients can name documents instead of sending them, and that such documents are guarded and
 * limited like all others.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/services/documents/trusted-documents.js';
import { tenantry } from '../support/running-server.js';
import {
  OPERATIONS,
  codesOf,
  send,
  post,
  get,
  persisted,
  useTrustedDocuments,
} from '../support/trusted-documents.js';

const { folder, path, open, only } = useTrustedDocuments();

const ME = { me: { role: 'OWNER', tenant: { slug: 'acme' } } };

describe.each([
  ['a server that knows trusted documents', open],
  ['a server that answers no others', only],
])('%s', (_what, server) => {
  const hash = sha256(OPERATIONS.Me);
  test.each<[string, Record<string, unknown>]>([
    ['documentId', { documentId: 'app-Me' }],
    ['documentId with the hash', { documentId: `sha256:${hash}` }],
    ['a persisted query', { extensions: persisted('app-Me') }],
    ['a persisted query with the hash', { extensions: persisted(hash) }],
    ['a persisted query, and with extensions for others', { extensions: { ...persisted(hash), trace: 1 } }],
    ['its text', { query: OPERATIONS.Me }],
    ['its text and hash', { query: OPERATIONS.Me, extensions: persisted(hash) }],
  ])('answers a document by %s, by POST and by GET', async (_how, request) => {
    const posted = await post(server(), request);
    expect(posted.body).toEqual({ data: ME });
    const parameters = Object.entries(request).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    const got = await get(server(), Object.fromEntries(parameters) as Record<string, string>);
    expect(got.body).toEqual({ data: ME });
    expect([posted.status, got.status]).toEqual([200, 200]);
  });

  test('gives it the variables and the name of its operation', async () => {
    const variables = { first: 1 };
    const expected = { data: { members: { nodes: [{ userId: 'demo|acme|owner' }] } } };
    expect((await post(server(), { documentId: 'app-Members', variables })).body).toEqual(expected);
    const got = await get(server(), { documentId: 'app-Members', variables: JSON.stringify(variables) });
    expect(got.body).toEqual(expected);
    const named = { documentId: 'app-Two', operationName: 'B' };
    expect((await post(server(), named)).body).toEqual({ data: { tenant: { slug: 'acme' } } });
    expect((await get(server(), named)).body).toEqual({ data: { tenant: { slug: 'acme' } } });
    expect(codesOf(await post(server(), { documentId: 'app-Two' }))).toEqual([
      'OPERATION_RESOLUTION_FAILURE',
    ]);
  });

  test('answers a caller what they may see, for documents are trusted and callers are not', async () => {
    const { body } = await post(server(), { documentId: 'app-Plan' }, 'viewer@acme.test');
    expect(body).toMatchObject({
      data: { tenant: { name: 'Acme Inc.', plan: null } },
      errors: [{ extensions: { code: 'FORBIDDEN', requires: 'billing:manage' } }],
    });
  });

  test('shows a caller their own schema', async () => {
    const request = { documentId: 'app-Audit' };
    expect((await post(server(), request)).body).toEqual({ data: { __type: { name: 'AuditEntry' } } });
    expect((await post(server(), request, 'viewer@acme.test')).body).toEqual({ data: { __type: null } });
  });

  test('changes nothing by GET', async () => {
    const parameters = { documentId: 'app-Rename', variables: JSON.stringify({ name: 'By GET' }) };
    const { status, headers, body } = await get(server(), parameters);
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    expect(body.data).toBeUndefined();
  });

  test('refuses a GET that a browser may have been tricked into: no cookie is read', async () => {
    const { token } = await server().as('owner', 'acme');
    const response = await fetch(`${server().url}/graphql?documentId=app-Me`, {
      headers: { cookie: `authorization=Bearer ${token}` },
    });
    expect(response.status).toBe(401);
    expect(await response.text()).toContain('UNAUTHENTICATED');
  });

  test.each<[string, Record<string, unknown>]>([
    ['documentId', { documentId: 'app-Unknown' }],
    ['a persisted query', { extensions: persisted(sha256('{ me { email } }')) }],
  ])('does not know others by %s, and says so as Apollo’s clients expect', async (_how, request) => {
    const parameters = Object.entries(request).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    for (const answer of [
      await post(server(), request),
      await get(server(), Object.fromEntries(parameters) as Record<string, string>),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
      });
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(answer.headers.get('cache-control')).toBe('private, no-store');
    }
  });

  test.each<[string, string]>([
    ['two texts', 'query={me{role}}&query={me{userId}}'],
    ['two ids', 'documentId=app-Me&documentId=app-Plan'],
    ['a text and an id', 'documentId=app-Me&query={me{userId}}'],
    ['an id and a persisted query', `documentId=app-Me&extensions=${JSON.stringify(persisted('app-Me'))}`],
    ['two extensions', `extensions=${JSON.stringify(persisted('app-Me'))}&extensions={}`],
    ['extensions that are no JSON', 'documentId=app-Me&extensions={'],
    ['extensions that are no object', `documentId=app-Me&extensions="x"`],
  ])('refuses a URL with %s', async (_what, search) => {
    const answer = await get(server(), search);
    expect([answer.status, codesOf(answer)]).toEqual([400, ['BAD_REQUEST']]);
    expect(answer.body.data).toBeUndefined();
  });

  test('names nothing to strangers', async () => {
    for (const documentId of ['app-Me', 'app-Unknown']) {
      const answer = await send(server(), {
        method: 'POST',
        body: JSON.stringify({ documentId }),
        headers: { authorization: '' },
      });
      expect([answer.status, codesOf(answer)]).toEqual([401, ['UNAUTHENTICATED']]);
    }
  });
});

describe('a client that registers documents', () => {
  const register = async (query: string, user?: string) =>
    post(open(), { query, extensions: persisted(sha256(query)) }, user);
  const repeat = async (query: string, user?: string) =>
    post(open(), { extensions: persisted(sha256(query)) }, user);

  test('sends the hash alone, then with the document, then alone', async () => {
    const query = 'query Registered($first: Int) { members(first: $first) { totalCount } }';
    expect(codesOf(await repeat(query))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    const { body } = await register(query);
    expect(body).toMatchObject({ data: { members: { totalCount: 4 } } });
    expect((await repeat(query)).body).toEqual(body);
    const got = await get(open(), { extensions: JSON.stringify(persisted(sha256(query))) });
    expect(got.body).toEqual(body);
  });

  test('does so for its own tenant only', async () => {
    const query = '{ me { role } } # of acme';
    expect((await register(query)).body).toEqual({ data: { me: { role: 'OWNER' } } });
    expect(codesOf(await repeat(query, 'owner@globex.test'))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    expect((await repeat(query, 'viewer@acme.test')).body).toEqual({ data: { me: { role: 'VIEWER' } } });
  });

  test('cannot put a document under the hash of another', async () => {
    const victim = '{ me { role userId } }';
    const answer = await post(open(), { query: '{ roles { role } }', extensions: persisted(sha256(victim)) });
    expect([answer.status, codesOf(answer)]).toEqual([400, ['BAD_REQUEST']]);
    expect(codesOf(await repeat(victim))).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
  });

  test.each([
    ['unparsable', '{ me {', 'GRAPHQL_PARSE_FAILED'],
    ['invalid', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    [
      'over the limits',
      `{ ${Array.from({ length: 100 }, (_, n) => `a${n}: me { ...F }`).join(' ')} } ` +
        `fragment F on Viewer { ${Array.from({ length: 60 }, (_, n) => `a${n}: role`).join(' ')} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['too long', `{ ${'me { role } '.repeat(600)} }`, 'GRAPHQL_PARSE_FAILED'],
    ['mixed with introspection', '{ me { role } __schema { types { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('is refused a document that is %s, the second time as well', async (_what, query, code) => {
    const first = await register(query);
    const second = await repeat(query);
    for (const answer of [first, second]) {
      expect(answer.status).toBe(400);
      expect(new Set(codesOf(answer))).toEqual(new Set([code]));
    }
  });

  test('is refused fields it may not read, the second time as well', async () => {
    const query = '{ tenant { plan } } # registered';
    await register(query, 'owner@acme.test');
    const { body } = await repeat(query, 'viewer@acme.test');
    expect(body).toMatchObject({
      data: { tenant: { plan: null } },
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
  });
});

describe('`tenantry documents`', () => {
  test('prints the documents by their ids, which the server reads as well', async () => {
    const { code, stdout, stderr } = await tenantry(['documents', path]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(
      Object.fromEntries(Object.entries(OPERATIONS).map(([name, text]) => [`app-${name}`, text])),
    );
  });

  test('exits with 1 and says why when they do not fit', async () => {
    const bad = join(folder, 'bad.json');
    writeFileSync(bad, JSON.stringify({ abc: 'query Prices { prices }' }));
    const { code, stdout, stderr } = await tenantry(['documents', bad]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('bad.json: Prices (abc): Cannot query field "prices" on type "Query".');
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

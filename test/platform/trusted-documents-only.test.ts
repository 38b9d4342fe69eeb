/**
 * Proves that a server that answers only trusted documents answers nothing else, in whatever form the request comes.
 */
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/services/documents/trusted-documents.js';
import {
  OPERATIONS,
  codesOf,
  send,
  post,
  get,
  persisted,
  useTrustedDocuments,
} from '../support/trusted-documents.js';

const { only } = useTrustedDocuments();

describe('a server that answers trusted documents only refuses', () => {
  const SMUGGLED = 'query Smuggled { me { userId } }';

  test.each([
    ['another document', SMUGGLED],
    ['introspection', getIntrospectionQuery()],
    ['what is no GraphQL, with the same words', '{ this is not'],
    ['what does not fit the schema, with the same words', '{ passwords }'],
    ['a trusted document with a space more', `${OPERATIONS.Me} `],
    ['a trusted document and another operation', `${OPERATIONS.Me} ${SMUGGLED}`],
    ['a trusted document behind a comment', `# ${OPERATIONS.Me}\n${SMUGGLED}`],
  ])('%s', async (_what, query) => {
    const requests = [
      await post(only(), { query }),
      await post(only(), { query, extensions: persisted(sha256(query)) }),
      await post(only(), { query, operationName: 'Me', extensions: {} }),
      await get(only(), { query }),
    ];
    for (const answer of requests) {
      expect(answer.status).toBe(403);
      expect(answer.body).toEqual({
        errors: [
          {
            message: 'This server answers trusted documents only.',
            extensions: { code: 'DOCUMENT_NOT_TRUSTED' },
          },
        ],
      });
    }
    expect(codesOf(await post(only(), { extensions: persisted(sha256(query)) }))).toEqual([
      'PERSISTED_QUERY_NOT_FOUND',
    ]);
  });

  const encoded = encodeURIComponent(SMUGGLED);
  test.each<[string, string, RequestInit]>([
    [
      'a text in the URL of a POST for a trusted id',
      `?query=${encoded}`,
      { method: 'POST', body: '{"documentId":"app-Unknown"}' },
    ],
    [
      'a text in the body of a GET’s URL twice',
      `?query=${encoded}&query=${encodeURIComponent(OPERATIONS.Me)}`,
      {},
    ],
    ['the trusted text first', `?query=${encodeURIComponent(OPERATIONS.Me)}&query=${encoded}`, {}],
    ['a parameter whose name is encoded', `?%71uery=${encoded}`, {}],
    ['a parameter behind a semicolon', `?x=1;query=${encoded}`, {}],
    ['a text behind a fragment sign', `?documentId=app-Unknown%23&query=${encoded}`, {}],
    ['a batch', '', { method: 'POST', body: JSON.stringify([{ query: SMUGGLED }]) }],
    [
      'a batch beside a trusted document',
      '',
      { method: 'POST', body: JSON.stringify([{ documentId: 'app-Me' }, { query: SMUGGLED }]) },
    ],
    ['a text that is no string', '', { method: 'POST', body: JSON.stringify({ query: [SMUGGLED] }) }],
    ['a body that is a string', '', { method: 'POST', body: JSON.stringify(SMUGGLED) }],
    [
      'a body of plain text',
      '',
      {
        method: 'POST',
        body: JSON.stringify({ query: SMUGGLED }),
        headers: { 'content-type': 'text/plain', 'apollo-require-preflight': '1' },
      },
    ],
    [
      'a body of GraphQL',
      '',
      { method: 'POST', body: SMUGGLED, headers: { 'content-type': 'application/graphql' } },
    ],
    [
      'the same key twice',
      '',
      {
        method: 'POST',
        body: `{"query":${JSON.stringify(OPERATIONS.Me)},"query":${JSON.stringify(SMUGGLED)}}`,
      },
    ],
    [
      'a prototype',
      '',
      { method: 'POST', body: `{"__proto__":{"query":${JSON.stringify(SMUGGLED)}},"documentId":"app-Me"}` },
    ],
    [
      'an object for extensions’ sake',
      '',
      { method: 'POST', body: JSON.stringify({ query: SMUGGLED, extensions: 'persistedQuery' }) },
    ],
  ])('%s', async (_what, search, init) => {
    const answer = await send(only(), { method: 'GET', ...init }, `/graphql${search}`);
    expect(answer.body.data).toBeUndefined();
    expect(answer.text).not.toContain('demo|acme|owner');
    expect(codesOf(answer)).toHaveLength(1);
  });

  test('a HEAD request', async () => {
    const answer = await send(only(), { method: 'HEAD' }, `/graphql?query=${encoded}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test('to have documents registered', async () => {
    const query = '{ roles { role } }';
    await post(only(), { query, extensions: persisted(sha256(query)) });
    expect(codesOf(await post(only(), { extensions: persisted(sha256(query)) }))).toEqual([
      'PERSISTED_QUERY_NOT_FOUND',
    ]);
  });
});

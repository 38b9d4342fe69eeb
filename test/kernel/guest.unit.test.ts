/**
 * Proves which requests of a guest are allowed: only a single mutation that the schema opens to guests.
 * test/platform/invitations.slow.test.ts tests them over HTTP.
 */
import type { FastifyRequest } from 'fastify';
import { buildSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { guestMutations } from '../../src/kernel/access/guards.js';
import { isGuestMutation, mayBringGuestMutation } from '../../src/http/guest.js';

const OPEN = new Set(['join']);

describe('a guest may bring', () => {
  test.each([
    'mutation { join { id } }',
    'mutation Join($token: String!) { join(token: $token) { id __typename } }',
    'mutation { joined: join { id } }',
    'mutation { join { ...Parts } } fragment Parts on Payload { id }',
    '# a comment\nmutation { join { id } }',
    'mutation @live { join @include(if: true) { id } }',
  ])('%s', (query) => {
    expect(isGuestMutation({ query }, OPEN)).toBe(true);
    expect(isGuestMutation({ query, operationName: null, variables: { token: 'x' } }, OPEN)).toBe(true);
  });
});

describe('a guest may not bring', () => {
  test.each([
    ['another mutation', 'mutation { leave { id } }'],
    ['the mutation under the name of another', 'mutation { join: leave { id } }'],
    ['another beside it', 'mutation { join { id } leave { id } }'],
    ['it twice', 'mutation { a: join { id } b: join { id } }'],
    ['a type name beside it', 'mutation { __typename join { id } }'],
    ['it by a fragment', 'mutation { ...Root } fragment Root on Mutation { join { id } }'],
    ['it by an inline fragment', 'mutation { ... on Mutation { join { id } } }'],
    ['a query of that name', 'query { join { id } }'],
    ['a query without a word', '{ join { id } }'],
    ['a subscription of that name', 'subscription { join { id } }'],
    ['a second operation', 'mutation A { join { id } } query B { me { id } }'],
    ['it twice, by name', 'mutation A { join { id } } mutation B { join { id } }'],
    ['a fragment alone', 'fragment Parts on Payload { id }'],
    ['what is no GraphQL', 'mutation { join { id }'],
    ['nothing', ''],
    ['introspection', '{ __schema { types { name } } }'],
    ['a property of every object', 'mutation { constructor { id } }'],
  ])('%s', (_what, query) => {
    expect(isGuestMutation({ query }, OPEN)).toBe(false);
    expect(isGuestMutation({ query, operationName: 'A' }, OPEN)).toBe(false);
  });

  test.each([
    ['no body', undefined],
    ['null', null],
    ['a text', 'mutation { join { id } }'],
    ['a batch', [{ query: 'mutation { join { id } }' }]],
    ['a document that is no text', { query: { kind: 'Document' } }],
    ['a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }],
  ])('%s', (_what, body) => {
    expect(isGuestMutation(body, OPEN)).toBe(false);
  });

  test('anything where the schema opens nothing', () => {
    expect(isGuestMutation({ query: 'mutation { join { id } }' }, new Set())).toBe(false);
  });
});

test('the body of a guest is read when it is short, and its length known', () => {
  const may = (method: string, headers: Record<string, string>) =>
    mayBringGuestMutation({ method, headers } as unknown as FastifyRequest);
  expect(may('POST', { 'content-length': '4096' })).toBe(true);
  expect(may('POST', { 'content-length': '4097' })).toBe(false);
  expect(may('POST', {})).toBe(false);
  expect(may('POST', { 'transfer-encoding': 'chunked' })).toBe(false);
  expect(may('POST', { 'content-length': 'a few' })).toBe(false);
  expect(may('GET', { 'content-length': '100' })).toBe(false);
});

test('only a mutation can be opened to guests, and only in so many words', () => {
  const schema = buildSchema(`
    directive @authenticated(member: Boolean! = true) on FIELD_DEFINITION | OBJECT
    directive @requires(member: Boolean) on FIELD_DEFINITION
    type Query { q: Payload @authenticated(member: false) }
    type Payload { id: ID @authenticated(member: false) }
    type Mutation {
      open: Payload @authenticated(member: false)
      shut: Payload @authenticated(member: true)
      byDefault: Payload @authenticated
      otherwise: Payload @requires(member: false)
      unguarded: Payload
    }`);
  expect([...guestMutations(schema)]).toEqual(['open']);
});

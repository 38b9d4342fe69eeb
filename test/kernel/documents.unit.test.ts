/**
 * Proves which files of trusted documents are read and which are refused, how a request may name a document, and that
 * documents that a tenant registers are only its own and limited in size. test/platform tests the server's answers.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, print } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { Documents, type DocumentRequest } from '../../src/services/documents/documents.js';
import { RegisteredDocuments, TENANT_LIMITS } from '../../src/services/documents/registered-documents.js';
import {
  readTrustedDocuments,
  sha256,
  TrustedDocumentsError,
} from '../../src/services/documents/trusted-documents.js';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import { explain } from '../../src/explain.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createServices } from '../../src/create-services.js';

const modules = [tenantModule];
const { schema } = buildApi(modules);
const ROLES = 'query Roles { roles { role } }';

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-documents-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Creates a folder with these files. */
async function files(contents: Readonly<Record<string, unknown>>): Promise<string> {
  const path = join(folder, String(count++));
  await mkdir(path);
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path;
}

const manifest = (...operations: readonly object[]) => ({
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations,
});

describe('trusted documents are read', () => {
  test('from a manifest of Apollo', async () => {
    const operation = { id: 'abc', name: 'Roles', type: 'query', body: ROLES };
    const path = join(await files({ 'm.json': manifest(operation) }), 'm.json');
    expect(readTrustedDocuments(path, schema)).toEqual([{ id: 'abc', text: ROLES }]);
  });

  test('from a map of ids to documents', async () => {
    const path = join(
      await files({ 'persisted-documents.json': { abc: ROLES } }),
      'persisted-documents.json',
    );
    expect(readTrustedDocuments(path, schema)).toEqual([{ id: 'abc', text: ROLES }]);
  });

  test('from a file of a document, as it is printed', async () => {
    const path = join(
      await files({ 'roles.graphql': '# All roles\nquery Roles{roles{role}}' }),
      'roles.graphql',
    );
    const text = print(parse(ROLES));
    expect(readTrustedDocuments(path, schema)).toEqual([{ id: sha256(text), text }]);
  });

  test('from a folder and its subfolders, of several clients and versions, and from nothing else in it', async () => {
    const path = await files({
      'web/1.json': manifest({ id: '1', body: ROLES }),
      'web/2.json': manifest({ id: '1', body: ROLES }, { id: '2', body: '{ roles { permissions } }' }),
      'mobile.json': { '3': 'query More { roles { role permissions } }' },
      'scripts/roles.gql': ROLES,
      'README.md': 'not a document',
    });
    expect(readTrustedDocuments(path, schema).map(({ id }) => id)).toEqual([
      '3',
      sha256(print(parse(ROLES))),
      '1',
      '1',
      '2',
    ]);
  });
});

describe('trusted documents are refused', () => {
  const deep = `{ roles { ${'role '.repeat(2_100)} } }`;
  const CASES: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, RegExp]>> = {
    'when a field is not in the schema': [
      { 'a.json': { abc: 'query Prices { prices { name } }' } },
      /a\.json: Prices \(abc\): Cannot query field "prices" on type "Query"/,
    ],
    'when a document is no GraphQL': [{ 'a.json': { abc: 'query {' } }, /abc: Syntax Error/],
    'when a file is no GraphQL': [{ 'x.graphql': 'query {' }, /x\.graphql: Syntax Error/],
    'when a document has no operation': [
      { 'a.json': { abc: 'fragment F on RolePermissions { role }' } },
      /abc: The document has no operation/,
    ],
    'when a document defines types': [
      { 'a.json': { abc: `${ROLES} type T { a: Int }` } },
      /\(abc\): .*T.* not executable/,
    ],
    'when a document is longer than a request may be': [{ 'a.json': { abc: deep } }, /abc: .*2000 tokens/],
    'when a document asks for the schema and for data': [
      { 'a.json': { abc: '{ roles { role } __schema { types { name } } }' } },
      /an operation without a name \(abc\): Ask for __schema in an operation of its own/,
    ],
    'when a file is no JSON': [{ 'a.json': '{' }, /a\.json: .*JSON/],
    'when a manifest is of another version': [
      { 'a.json': { ...manifest({ id: '1', body: ROLES }), version: 2 } },
      /a\.json: This is neither an Apollo manifest of version 1 nor a map/,
    ],
    'when a manifest lacks a body': [{ 'a.json': manifest({ id: '1' }) }, /neither/],
    'when an id is empty': [{ 'a.json': manifest({ id: '', body: ROLES }) }, /neither/],
    'when two have the same id': [
      { 'a.json': { abc: ROLES }, 'b.json': { abc: '{ roles { role } }' } },
      /abc: Two documents have this id/,
    ],
    'when one has the hash of another for its id': [
      { 'a.json': { abc: ROLES, [sha256(ROLES)]: '{ roles { role } }' } },
      /: Two documents have this id/,
    ],
    'when there are none': [{ 'README.md': '' }, /There are none in /],
    'when a manifest is empty': [{ 'a.json': manifest() }, /There are none in /],
  };
  test.each(Object.entries(CASES))('%s', async (_when, [contents, problem]) => {
    const path = await files(contents);
    expect(() => readTrustedDocuments(path, schema)).toThrow(TrustedDocumentsError);
    expect(() => readTrustedDocuments(path, schema)).toThrow(problem);
  });

  test('when there is no such file', () => {
    expect(() => readTrustedDocuments(join(folder, 'nowhere'), schema)).toThrow(
      /The trusted documents cannot be read: ENOENT.*nowhere/,
    );
  });

  test('with every problem named at once', async () => {
    const path = await files({ 'a.json': { one: '{ a }', two: '{ b }' }, 'b.json': '[', 'c.graphql': '{' });
    expect(() => readTrustedDocuments(path, schema)).toThrow(/one[^]*two/);
    expect(() => readTrustedDocuments(path, schema)).toThrow(/b\.json[^]*c\.graphql/);
  });

  test('before the server opens a connection to the database, in words for people', async () => {
    const config = readConfig({ TRUSTED_DOCUMENTS: await files({ 'a.json': { abc: '{ plans }' } }) });
    const start = () =>
      createServices({
        config,
        modules,
        databaseUrl: 'postgresql://nobody@127.0.0.1:1/nothing',
        secret: 'not used',
        warn: () => undefined,
      });
    expect(start).toThrow(TrustedDocumentsError);
    try {
      start();
    } catch (error) {
      expect(explain(error)).toBe((error as Error).message);
    }
  });
});

describe('the configuration', () => {
  test('says that there are no trusted documents when they are to be the only ones', () => {
    expect(() => readConfig({ TRUSTED_DOCUMENTS_ONLY: 'true' })).toThrow(/^TRUSTED_DOCUMENTS is missing/);
    expect(() => readConfig({ TRUSTED_DOCUMENTS_ONLY: 'true', TRUSTED_DOCUMENTS: '' })).toThrow();
  });

  test.each(['yes', '1', 'TRUE', ' true'])('takes no %j for true or false', (value) => {
    const env = { TRUSTED_DOCUMENTS: 'x.json', TRUSTED_DOCUMENTS_ONLY: value };
    expect(() => readConfig(env)).toThrow('TRUSTED_DOCUMENTS_ONLY must be true or false.');
  });

  test.each([undefined, '', 'false'])('answers other documents by default: %j', (value) => {
    expect(
      readConfig({ TRUSTED_DOCUMENTS: 'x.json', TRUSTED_DOCUMENTS_ONLY: value }).trustedDocumentsOnly,
    ).toBe(false);
  });
});

describe('a request', () => {
  const trusted = [{ id: 'abc', text: ROLES }];
  const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
  const OTHER = '{ roles { permissions } }';
  const find = (documents: Documents, request: DocumentRequest, tenant = 'acme'): unknown => {
    try {
      return documents.find(request, tenant);
    } catch (error) {
      if (error instanceof PublicError) return error.code;
      throw error;
    }
  };

  test.each<[string, DocumentRequest]>([
    ['its id', { documentId: 'abc' }],
    ['the hash of its text', { documentId: sha256(ROLES) }],
    ['the hash with its prefix', { documentId: `sha256:${sha256(ROLES)}` }],
    ['the id of a persisted query', { extensions: persisted('abc') }],
    ['the hash of a persisted query', { extensions: persisted(sha256(ROLES)) }],
    ['an id beside an empty text', { documentId: 'abc', query: '' }],
    ['its text', { query: ROLES }],
    ['its text and hash', { query: ROLES, extensions: persisted(sha256(ROLES)) }],
  ])('names a trusted document by %s', (_by, request) => {
    for (const only of [false, true]) expect(find(new Documents(trusted, only), request)).toBe(ROLES);
  });

  test.each<[string, DocumentRequest, string]>([
    ['an unknown id', { documentId: 'abd' }, 'PERSISTED_QUERY_NOT_FOUND'],
    ['an unknown prefix', { documentId: `md5:${sha256(ROLES)}` }, 'PERSISTED_QUERY_NOT_FOUND'],
    ['a name that objects have', { documentId: '__proto__' }, 'PERSISTED_QUERY_NOT_FOUND'],
    ['an unknown hash', { extensions: persisted(sha256(OTHER)) }, 'PERSISTED_QUERY_NOT_FOUND'],
    ['a hash of another text', { query: OTHER, extensions: persisted(sha256(ROLES)) }, 'BAD_REQUEST'],
    [
      'a hash in capitals',
      { query: ROLES, extensions: persisted(sha256(ROLES).toUpperCase()) },
      'BAD_REQUEST',
    ],
    ['an id and a text', { documentId: 'abc', query: OTHER }, 'BAD_REQUEST'],
    ['two ids', { documentId: 'abc', extensions: persisted('abc') }, 'BAD_REQUEST'],
    ['an id that is no string', { documentId: { id: 'abc' } }, 'BAD_REQUEST'],
    ['an empty id', { documentId: '' }, 'BAD_REQUEST'],
    ['a text that is no string', { query: { kind: 'Document' } }, 'BAD_REQUEST'],
    ['a persisted query without a hash', { extensions: { persistedQuery: { version: 1 } } }, 'BAD_REQUEST'],
    ['a persisted query that is no object', { extensions: { persistedQuery: 'abc' } }, 'BAD_REQUEST'],
    [
      'a persisted query of another version',
      { extensions: { persistedQuery: { version: 2, sha256Hash: 'abc' } } },
      'BAD_REQUEST',
    ],
  ])('is refused with %s', (_what, request, code) => {
    for (const only of [false, true]) expect(find(new Documents(trusted, only), request)).toBe(code);
  });

  test.each<[string, DocumentRequest]>([
    ['nothing', {}],
    ['null', { query: null, documentId: null, extensions: null }],
    ['extensions for others', { extensions: { trace: true } }],
    ['extensions that are none', { extensions: 'persistedQuery' }],
  ])('with %s names none', (_what, request) => {
    for (const only of [false, true]) expect(find(new Documents(trusted, only), request)).toBeUndefined();
  });

  test('with any other text is answered, unless trusted documents are the only ones', () => {
    const texts = [OTHER, `${ROLES} `, `# ${ROLES}\n${OTHER}`, ROLES.replace('Roles', 'roles')];
    for (const query of texts) {
      expect(find(new Documents(trusted, false), { query })).toBe(query);
      expect(find(new Documents(trusted, true), { query })).toBe('DOCUMENT_NOT_TRUSTED');
      const registering = { query, extensions: persisted(sha256(query)) };
      expect(find(new Documents(trusted, true), registering)).toBe('DOCUMENT_NOT_TRUSTED');
    }
  });

  test('finds what its tenant registered, and no other tenant does', () => {
    const documents = new Documents(trusted, false);
    const byHash = { extensions: persisted(sha256(OTHER)) };
    expect(find(documents, byHash)).toBe('PERSISTED_QUERY_NOT_FOUND');
    expect(find(documents, { query: OTHER, ...byHash })).toBe(OTHER);
    expect(find(documents, byHash)).toBe(OTHER);
    expect(find(documents, { documentId: `sha256:${sha256(OTHER)}` })).toBe(OTHER);
    expect(find(documents, byHash, 'globex')).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test('registers nothing under a hash that is not its own', () => {
    const documents = new Documents([], false);
    const hash = sha256(ROLES);
    expect(find(documents, { query: OTHER, extensions: persisted(hash) })).toBe('BAD_REQUEST');
    expect(find(documents, { extensions: persisted(hash) })).toBe('PERSISTED_QUERY_NOT_FOUND');
  });
});

describe('registered documents', () => {
  const long = (n: number, bytes: number) => `${String(n).padStart(10, '0')}${'x'.repeat(bytes - 10)}`;

  test('are kept in a bounded number per tenant, the most recently used', () => {
    const registered = new RegisteredDocuments();
    for (let n = 0; n < TENANT_LIMITS.documents; n++) registered.set('acme', `hash ${n}`, '{ a }');
    expect(registered.get('acme', 'hash 0')).toBe('{ a }');
    registered.set('acme', 'one more', '{ a }');
    expect(registered.get('acme', 'hash 0')).toBe('{ a }');
    expect(registered.get('acme', 'hash 1')).toBeUndefined();
  });

  test('have a bounded size per tenant', () => {
    const registered = new RegisteredDocuments();
    const bytes = TENANT_LIMITS.bytes / 8;
    for (let n = 0; n < 9; n++) registered.set('acme', `hash ${n}`, long(n, bytes));
    expect(registered.get('acme', 'hash 0')).toBeUndefined();
    expect(registered.get('acme', 'hash 8')).toBe(long(8, bytes));
  });

  test('of one tenant push out no other tenant’s', () => {
    const registered = new RegisteredDocuments();
    registered.set('globex', 'hash', '{ a }');
    for (let n = 0; n < 2_000; n++) registered.set('acme', `hash ${n}`, long(n, 50_000));
    expect(registered.get('globex', 'hash')).toBe('{ a }');
  });

  test('of all tenants together have a bounded size: the tenants that used theirs last keep them', () => {
    const registered = new RegisteredDocuments();
    const tenants = 150;
    for (let tenant = 0; tenant < tenants; tenant++) {
      for (let n = 0; n < 5; n++) registered.set(`tenant ${tenant}`, `hash ${n}`, long(n, 60_000));
    }
    const kept = Array.from({ length: tenants }, (_, tenant) => registered.get(`tenant ${tenant}`, 'hash 4'));
    const bytes = kept.filter((each) => each !== undefined).length * 5 * 2 * 60_000;
    expect(bytes).toBeLessThan(64 * 1024 * 1024);
    expect(bytes).toBeGreaterThan(48 * 1024 * 1024);
    expect(kept.at(-1)).toBeDefined();
    expect(kept[0]).toBeUndefined();
  });
});

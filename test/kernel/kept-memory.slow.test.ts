/**
 * Proves that everything that outlives a request is limited in bytes (docs/hardening.md, "Memory"), whatever callers
 * send: the counted bytes are at least the growth of the heap.
 */
import { buildSchema, getOperationAST, Kind, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import {
  IntrospectionAnswers,
  KEPT_INTROSPECTION_BYTES,
} from '../../src/kernel/access/introspection-answers.js';
import { MOST_ROLE_SCHEMAS, RoleSchemas } from '../../src/kernel/access/role-schema.js';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { createTokenVerifier, REMEMBERED_BYTES } from '../../src/kernel/auth/verify-token.js';
import {
  DocumentReader,
  KEPT_DOCUMENT_BYTES,
  RefusedOperation,
} from '../../src/services/documents/document-reader.js';
import { REGISTERED_BYTES, RegisteredDocuments } from '../../src/services/documents/registered-documents.js';
import { COMPILED_BYTES, createExecute } from '../../src/kernel/graphql/execution.js';
import { limitOperation } from '../../src/services/limits/operation-limits.js';
import { nameAllStatements, nameStatements } from '../../src/kernel/driver/statement-names.js';
import { KEPT_ANSWER_BYTES, AccessCache } from '../../src/kernel/auth/access-cache.js';
import { growthBy } from '../support/heap.js';

// Long texts are read and measured hundreds of times.
vi.setConfig({ testTimeout: 300_000 });

const MIB = 1024 * 1024;
/** Other growth of the heap: code, counters and partly used pages. */
const SLACK = 6 * MIB;

const schema = buildSchema(
  'type Query { me: Me, page(first: Int): Me } type Me { name(a: Int): String, me: Me }',
);
const makeReader = () => new DocumentReader({ schema, hideSuggestions: true });
/** A flat copy of a text. V8 keeps a concatenated text as its parts until it is flattened. */
const flat = (text: string) => Buffer.from(text).toString();

function readAndMeasure(reader: DocumentReader, text: string): void {
  const document = reader.read(flat(text));
  for (const node of document.definitions) {
    if (node.kind === Kind.OPERATION_DEFINITION) limitOperation(schema, document, node, 'least');
  }
}

describe('documents', () => {
  test.each([
    ['short ones', (n: number) => `{ a${String(n)}: __typename }`, 2_000],
    ['long comments', (n: number) => `#${'x'.repeat(60_000)}${String(n)}\n{ __typename }`, 100],
    [
      'long comments of wide characters',
      (n: number) => `#${'я'.repeat(60_000)}${String(n)}\n{ __typename }`,
      100,
    ],
    ['fields', (n: number) => `query Q${String(n)} { me { ${'name '.repeat(1_500)} } }`, 60],
    [
      'aliases',
      (n: number) =>
        `{ ${Array.from({ length: 48 }, (_, i) => `a${String(i)}x${String(n)}: me { name }`).join(' ')} }`,
      200,
    ],
    [
      'pages',
      (n: number) =>
        `query Q${String(n)}($n: Int) { ${Array.from({ length: 48 }, (_, i) => `p${String(i)}: page(first: $n) { me { name } }`).join(' ')} }`,
      100,
    ],
    [
      'texts',
      (n: number) =>
        `query Q${String(n)} { me { ${Array.from({ length: 40 }, (_, i) => `a${String(i)}: name(a: ${String(i)})`).join(' ')} } } #${'x'.repeat(30_000)}`,
      100,
    ],
  ])('count what they take: %s', async (_what, make, count) => {
    const reader = makeReader();
    readAndMeasure(reader, make(999_999));
    const growth = await growthBy(() => {
      for (let n = 0; n < count; n++) readAndMeasure(reader, make(n));
    });
    expect(growth).toBeLessThan(reader.keptBytes * 1.05 + MIB);
  });

  test('are kept up to a number of bytes', () => {
    const reader = makeReader();
    for (let n = 0; n < 600; n++)
      readAndMeasure(reader, `#${'x'.repeat(60_000)}${String(n)}\n{ __typename }`);
    expect(reader.keptBytes).toBeLessThanOrEqual(KEPT_DOCUMENT_BYTES);
    expect(reader.keptBytes).toBeGreaterThan(KEPT_DOCUMENT_BYTES / 2);
  });

  test('that are refused are not kept', () => {
    const reader = makeReader();
    for (const text of ['{ no }', '{', '{ me }']) expect(() => reader.read(text)).toThrow(RefusedOperation);
    expect(reader.keptBytes).toBe(0);
  });
});

describe('operations', () => {
  const run = (
    execute: ReturnType<typeof createExecute>,
    of: GraphQLSchema,
    text: string,
    operationName: string | null,
  ) => {
    const reader = new DocumentReader({ schema: of, hideSuggestions: true });
    return execute({ document: reader.read(flat(text)), operationName, variables: {}, context: {} });
  };

  test('of names that are not there leave nothing behind', async () => {
    const execute = createExecute(schema);
    const document = makeReader().read('{ __typename }');
    const growth = await growthBy(async () => {
      for (let n = 0; n < 500; n++) {
        const operationName = flat(`${'x'.repeat(95_000)}${String(n)}`);
        await execute({ document, operationName, variables: {}, context: {} });
      }
    });
    expect(growth).toBeLessThan(SLACK);
  });

  test('that are compiled are kept up to a number of bytes', async () => {
    const execute = createExecute(schema);
    const operation = (n: number) =>
      `query Q${String(n)} { ${'me { '.repeat(4)}${Array.from({ length: 400 }, (_, i) => `a${String(i)}x${String(n)}: name`).join(' ')}${' }'.repeat(4)} }`;
    await run(execute, schema, operation(999_999), null);
    // Each counts as about 2.5 MB.
    const reader = new DocumentReader({ schema, hideSuggestions: true });
    const growth = await growthBy(async () => {
      for (let n = 0; n < 30; n++) {
        const document = reader.read(flat(operation(n)));
        for (let use = 0; use < 3; use++)
          await execute({ document, operationName: null, variables: {}, context: {} });
      }
    });
    expect(growth).toBeLessThan(COMPILED_BYTES + reader.keptBytes + SLACK);
  });
});

describe('what is kept of callers', () => {
  test('documents that clients register', async () => {
    const registered = new RegisteredDocuments();
    const growth = await growthBy(() => {
      for (let tenant = 0; tenant < 400; tenant++) {
        for (let n = 0; n < 5; n++) {
          registered.set(
            `tenant ${String(tenant)}`,
            `hash ${String(n)}`,
            flat(`${'я'.repeat(50_000)}${String(n)}`),
          );
        }
      }
    });
    expect(registered.keptBytes).toBeLessThanOrEqual(REGISTERED_BYTES);
    expect(growth).toBeLessThan(REGISTERED_BYTES + SLACK);
  });

  test('short documents that clients register', async () => {
    const registered = new RegisteredDocuments();
    const growth = await growthBy(() => {
      for (let tenant = 0; tenant < 200; tenant++) {
        for (let n = 0; n < 500; n++)
          registered.set(`tenant ${String(tenant)}`, String(n).padStart(64, '0'), flat(`{a${String(n)}}`));
      }
    });
    expect(growth).toBeLessThan(registered.keptBytes * 1.05 + MIB);
  });

  test('answers about access', async () => {
    const kept = new AccessCache<{ readonly slug: string }>({ isLive: true, onChange: () => undefined });
    const growth = await growthBy(async () => {
      for (let n = 0; n < 5_000; n++) {
        const key = flat(`${'я'.repeat(5_000)}${String(n)}`);
        const concerned = { tenantId: flat(`t${String(n)}`), userId: flat(`u${String(n)}`) };
        await kept.get(
          key,
          async () => ({ slug: flat(`slug ${String(n)}`) }),
          () => concerned,
        );
      }
    });
    expect(kept.keptBytes).toBeLessThanOrEqual(KEPT_ANSWER_BYTES);
    expect(growth).toBeLessThan(KEPT_ANSWER_BYTES + SLACK);
  });

  test('tokens that were found good', async () => {
    const signing = { secret: 'jC5s7d2KqXv9Zb4TnWm8RpYeLgHf3AuQ', issuer: 'i', audience: 'a' };
    const verify = createTokenVerifier({ ...signing, providerKeys: undefined });
    const token = (n: number) =>
      issueToken(
        { userId: `u${String(n)}`, email: `${'x'.repeat(10_000)}@acme.test`, tenantId: 't' },
        signing,
        600,
      );
    await verify(token(-1));
    const growth = await growthBy(async () => {
      for (let n = 0; n < 2_000; n++) await verify(token(n));
    });
    expect(growth).toBeLessThan(REMEMBERED_BYTES + SLACK);
  });
});

test.each([
  ['Prisma', nameStatements],
  ['batches', nameAllStatements],
])('names of statements of %s are few, and none is for a long one', async (_whose, names) => {
  const name = names('p');
  expect(name('SELECT 1')).not.toBe('');
  expect(name(`SELECT ${'1, '.repeat(5_000)}1`)).toBe('');
  const growth = await growthBy(() => {
    for (let n = 0; n < 3_000; n++) name(flat(`SELECT ${String(n)} /* ${'x'.repeat(9_900)} */`));
  });
  expect(growth).toBeLessThan(500 * 10_200 + SLACK);
});

test.each([
  ['of one value each', (n: number) => `{ __schema { types { a${String(n)}: kind } } }`],
  ['of nothing', (n: number) => `{ __schema { types { a${String(n)}: ofType { kind } } } }`],
  ['of short names', (n: number) => `{ __schema { types { a: name b${String(n)}: name } } }`],
  [
    'of objects in objects',
    (n: number) => `{ __schema { types { a${String(n)}: fields { type { name } } } } }`,
  ],
])('answers to introspection %s', async (_what, source) => {
  const types = Array.from({ length: 2_000 }, (_, n) => `type T${String(n)} { f: Int }`);
  const large = buildSchema(
    `type Query { ${types.map((_, n) => `t${String(n)}: T${String(n)}`).join(' ')} } ${types.join(' ')}`,
  );
  const answers = new IntrospectionAnswers({ for: () => large });
  const ask = (n: number) => {
    const document = parse(source(n));
    return answers.answer(new Set(), {
      document,
      operation: getOperationAST(document)!,
      source: flat(source(n)),
      operationName: undefined,
      variables: undefined,
    });
  };
  await ask(0);
  const growth = await growthBy(async () => {
    for (let n = 1; n <= 150; n++) await ask(n);
  });
  expect(answers.keptBytes).toBeGreaterThan(KEPT_INTROSPECTION_BYTES / 2);
  expect(answers.keptBytes).toBeLessThanOrEqual(KEPT_INTROSPECTION_BYTES);
  expect(growth).toBeLessThan(KEPT_INTROSPECTION_BYTES + SLACK);
});

test('schemas for permissions are few', () => {
  const schemas = new RoleSchemas({ schema, guards: new Map(), inputGuards: new Map() });
  for (let n = 0; n < 100; n++) schemas.for(new Set([`permission:${String(n)}` as Permission]));
  expect(schemas.count).toBe(MOST_ROLE_SCHEMAS);
});

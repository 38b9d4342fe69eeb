/** The limits of documents that the configuration sets hold on every way into the server, and the schema says them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { readDocumentLimits } from '../../src/kernel/config/environment.js';
import { LONGEST_DOCUMENT, longestDocument, parseDocument } from '../../src/kernel/graphql/parse-document.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { DEFAULT_DOCUMENT_LIMITS } from '../../src/kernel/vocabulary/document-limits.js';
import { modules } from '../../src/modules.js';
import { readTrustedDocuments } from '../../src/services/documents/trusted-documents.js';
import { useServer, type TestClient } from '../support/server.js';
import { errorsOf, nextOf, socketClient } from '../support/socket-requests.js';
import { endSubscribersAfterEach } from '../support/subscriber.js';

const ENV = { MAX_DOCUMENT_TOKENS: '1000', MAX_DEPTH: '6', MAX_ALIASES: '3' };
const LIMITS = { tokens: 1_000, depth: 6, aliases: 3 };

const server = useServer({ env: ENV });
endSubscribersAfterEach(() => [server()]);
let client: TestClient;
beforeAll(async () => {
  client = await server().as('owner', 'acme');
});

const aliases = (count: number) =>
  `{ ${Array.from({ length: count }, (_, at) => `a${String(at)}: __typename`).join(' ')} }`;
/** Two braces, and fields of one name. */
const tokens = (count: number) => `{ ${'__typename '.repeat(count - 2)}}`;
const atDepth = {
  6: '{ members { edges { node { invitedByMember { invitedByMember { id } } } } } }',
  7: '{ members { edges { node { invitedByMember { invitedByMember { invitedByMember { id } } } } } } }',
};

const within = [aliases(3), tokens(1_000), atDepth[6]];
const beyond = [
  [aliases(4), 'The operation has more than 3 aliases.', 'GRAPHQL_VALIDATION_FAILED'],
  [tokens(1_001), 'Syntax Error: The document has more than 1000 tokens.', 'GRAPHQL_PARSE_FAILED'],
  [
    `{ __typename }${' '.repeat(LONGEST_DOCUMENT)}`,
    `Syntax Error: The document has more than ${String(LONGEST_DOCUMENT)} characters.`,
    'GRAPHQL_PARSE_FAILED',
  ],
  [atDepth[7], 'The operation is more than 6 levels deep.', 'GRAPHQL_VALIDATION_FAILED'],
] as const;

describe('a document within the configured limits is answered', () => {
  test.each(within)('over HTTP: %.40s', async (document) => {
    expect((await client.query(document)).errors).toEqual([]);
  });

  test.each(within)('over WebSocket: %.40s', async (document) => {
    const socket = await socketClient(server(), client.token);
    const answer = nextOf(await socket.ask({ query: document }));
    expect(answer).not.toHaveProperty('errors');
    expect(answer).toHaveProperty('data');
  });
});

describe('a document beyond them is refused', () => {
  test.each(beyond)('over HTTP: %.40s', async (document, message, code) => {
    const { status, errors } = await client.query(document);
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ message, extensions: { code } }]);
  });

  test.each(beyond)('over WebSocket: %.40s', async (document, message, code) => {
    const socket = await socketClient(server(), client.token);
    expect(errorsOf(await socket.ask({ query: document }))).toMatchObject([
      { message, extensions: { code } },
    ]);
  });
});

describe('trusted documents', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-limits-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const { schema } = buildApi(modules, { limits: LIMITS });
  const read = async (text: string, name = 'documents.json') => {
    const file = join(folder, name);
    await writeFile(file, name.endsWith('.json') ? JSON.stringify({ abc: text }) : text);
    return readTrustedDocuments(file, schema);
  };

  test.each(within)('are accepted within the limits: %.40s', async (document) => {
    expect(await read(document)).toHaveLength(1);
  });

  test.each(beyond)('are refused beyond them: %.40s', async (document, message) => {
    await expect(read(document)).rejects.toThrow(message);
    await expect(read(document, 'document.graphql')).rejects.toThrow(message);
  });
});

test('introspection says the limits in the description of Query', async () => {
  const { data } = await client.query('{ __type(name: "Query") { description } }');
  expect((data as { __type: { description: string } }).__type.description).toContain(
    'A document has at most 1000 tokens, an operation 6 levels of fields and 3 aliases.',
  );
});

describe('the configuration', () => {
  test('has documented defaults', () => {
    expect(readConfig({}).documentLimits).toEqual(DEFAULT_DOCUMENT_LIMITS);
    expect(readDocumentLimits({})).toEqual(DEFAULT_DOCUMENT_LIMITS);
  });

  test('is read by commands that need no other variable', () => {
    expect(readDocumentLimits({ NODE_ENV: 'production', ...ENV })).toEqual(LIMITS);
  });

  test.each([
    ['MAX_DOCUMENT_TOKENS', '999', 'MAX_DOCUMENT_TOKENS must be at least 1000.'],
    ['MAX_DOCUMENT_TOKENS', '10001', 'MAX_DOCUMENT_TOKENS must be at most 10000.'],
    ['MAX_DEPTH', '4', 'MAX_DEPTH must be at least 5.'],
    ['MAX_DEPTH', 'deep', 'MAX_DEPTH must be a whole number.'],
    ['MAX_ALIASES', '501', 'MAX_ALIASES must be at most 500.'],
    ['MAX_ALIASES', '-1', 'MAX_ALIASES must be a whole number.'],
  ])('refuses %s=%s', (variable, value, message) => {
    expect(() => readConfig({ [variable]: value })).toThrow(message);
    expect(() => readDocumentLimits({ [variable]: value })).toThrow(message);
  });
});

describe('the limits of tokens and characters agree', () => {
  /** A field with an alias and arguments on each line, indented, as tools print them. */
  const printed = (most: number) => {
    const lines = Array.from(
      { length: (most - 2) / 9 },
      (_, at) => `        descriptiveAlias${String(at)}: conversationOf(withArgument: $variableOfIt)`,
    );
    return `{\n${lines.join('\n')}\n}`;
  };

  test.each([1_000, 2_000, 10_000])('a document of %i tokens is not too long', (tokens) => {
    expect(parseDocument(printed(tokens), tokens).document.definitions).toHaveLength(1);
  });

  test.each([1_000, 2_000, 10_000])('and the error says which limit of %i it exceeds', (tokens) => {
    expect(() => parseDocument(printed(2 * tokens).slice(0, longestDocument(tokens)), tokens)).toThrow(
      expect.objectContaining({
        message: `Syntax Error: The document has more than ${String(tokens)} tokens.`,
        extensions: { limit: tokens },
      }),
    );
    const most = longestDocument(tokens);
    expect(() => parseDocument(' '.repeat(most + 1), tokens)).toThrow(
      expect.objectContaining({
        message: `Syntax Error: The document has more than ${String(most)} characters.`,
        extensions: { limit: most },
      }),
    );
  });
});

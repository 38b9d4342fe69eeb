/** The introspection of tools is answered, however it is written, and introspection out of proportion is refused. */
import { execute, getIntrospectionQuery, getOperationAST, type GraphQLError } from 'graphql';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaFor } from '../../src/kernel/access/role-schema.js';
import { introspects } from '../../src/kernel/access/introspection.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { DocumentReader, RefusedOperation } from '../../src/services/documents/document-reader.js';
import { limitOperation } from '../../src/services/limits/operation-limits.js';
import { modules } from '../../src/modules.js';
import { TOOL_QUERIES, type ToolQuery } from '../support/tool-introspection.js';

const api = buildApi(modules);
const reader = new DocumentReader({ schema: api.schema, hideSuggestions: false });
const ofViewer = schemaFor(api, api.roles.of('viewer'));

/** The error messages with which a request is refused before execution. */
function refusals({ document: source, operationName, variables = {} }: ToolQuery): string[] {
  try {
    const document = reader.read(source);
    const operation = getOperationAST(document, operationName);
    limitOperation(api.schema, document, operation!, variables);
    return [];
  } catch (error) {
    const errors = error instanceof RefusedOperation ? error.errors : [error as GraphQLError];
    return errors.map(({ message }) => message);
  }
}

describe('the introspection of tools', () => {
  test.each(Object.entries(TOOL_QUERIES))('is answered: %s', async (_tool, query) => {
    expect(refusals(query)).toEqual([]);
    const document = reader.read(query.document);
    expect(introspects(document, getOperationAST(document, query.operationName) ?? undefined)).toBe(true);
    for (const schema of [api.schema, ofViewer]) {
      const { data, errors } = await execute({
        schema,
        document,
        operationName: query.operationName,
        variableValues: query.variables,
      });
      expect(errors).toBeUndefined();
      expect(Object.values(data ?? {})).not.toContain(null);
    }
  });

  test('is what docs/compatibility.md says', () => {
    const documented = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8');
    const count = Object.keys(TOOL_QUERIES).length;
    expect(documented).toMatch(
      new RegExp(`\\| Introspection by tools +\\| ${String(count)} +\\| ${String(count)} +\\|`),
    );
  });
});

const aliases = (count: number, selection: string) =>
  Array.from({ length: count }, (_value, at) => `a${String(at)}: ${selection}`).join(' ');
const LISTS_OF_TYPE = 'fields { type { fields { type { name } } } }';

describe('introspection out of proportion is refused', () => {
  test.each([
    [
      'the schema many times',
      `{ ${aliases(50, '__schema { types { fields { name args { name type { name } } } } }')} }`,
    ],
    ['types many times', `{ __schema { ${aliases(50, `types { ${LISTS_OF_TYPE} }`)} } }`],
    ['fields of fields', `{ __schema { types { ${aliases(49, LISTS_OF_TYPE)} } } }`],
    [
      'one large type many times',
      `{ ${aliases(50, `__type(name: "Mutation") { ${LISTS_OF_TYPE.replace('name', aliases(5, 'name'))} }`)} }`,
    ],
    [
      'in fragments',
      `{ ${aliases(40, '__schema { ...S }')} } fragment S on __Schema { types { ...T } } fragment T on __Type { ${LISTS_OF_TYPE} }`,
    ],
    [
      'with fragments that double',
      `{ __schema { types { ...A } } } ${['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J']
        .map((name, at, all) => {
          const next = all[at + 1];
          const inner = next === undefined ? 'name' : `...${next}`;
          return `fragment ${name} on __Type { x${name}: ofType { ${inner} } y${name}: ofType { ${inner} } }`;
        })
        .join(' ')}`,
    ],
    ['three lists inside each other', `{ __schema { types { fields { type { ${LISTS_OF_TYPE} } } } } }`],
    ['very deep', `{ __type(name: "Query") { ${'ofType { '.repeat(45)}name${' }'.repeat(45)} } }`],
    ['beside data', '{ me { userId } __schema { types { name } } }'],
  ])('%s', (_how, document) => {
    const [message] = refusals({ document });
    expect(message).toMatch(
      /^(The operation (lists the schema more than 2 times|has more than \d+ \w+)|Maximum introspection depth exceeded|The introspection is more than 40 levels|Ask for __schema in an operation of its own)/,
    );
  });

  test('two whole listings are accepted, three are not', async () => {
    const whole = getIntrospectionQuery({ typeDepth: 15 });
    const fields = /query IntrospectionQuery \{\s*(__schema \{[\s\S]*?\n {6}\})\s*\}/.exec(whole)![1]!;
    const document = whole.replace(fields, aliases(2, fields));
    expect(refusals({ document })).toEqual([]);
    expect(refusals({ document: whole.replace(fields, aliases(3, fields)) })).not.toEqual([]);
    const { data, errors } = await execute({ schema: api.schema, document: reader.read(document) });
    expect(errors).toBeUndefined();
    expect(Object.keys(data ?? {})).toEqual(['a0', 'a1']);
  });
});

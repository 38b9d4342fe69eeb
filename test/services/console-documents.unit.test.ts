/**
 * Proves that each page of the operators' console asks only for what its visitors may: with every set of scopes, its documents
 * are valid in the schema of the door, and ask for no field whose permission is missing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildSchema,
  getNamedType,
  isObjectType,
  Kind,
  parse,
  print,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type ConstDirectiveNode,
  type DocumentNode,
  type OperationDefinitionNode,
} from 'graphql';
import { expect, test } from 'vitest';

const SOURCE = fileURLToPath(new URL('../../packages/dashboard/src', import.meta.url));
const SCHEMA = fileURLToPath(new URL('../../operator.graphql', import.meta.url));

// The pages are compiled for browsers: the compiler of the server does not follow imports into them.
type Trim = (text: string, holds: (permission: string) => boolean) => DocumentNode | undefined;
const load = (file: string): Promise<unknown> => import(/* @vite-ignore */ join(SOURCE, file));
const { pages } = (await load('operators/pages.ts')) as { pages: readonly { readonly name: string }[] };
const { trimmed } = (await load('session/trim.ts')) as { trimmed: Trim };

const schema = buildSchema(readFileSync(SCHEMA, 'utf8'));
const PERMISSIONS = ['TENANTS_READ', 'TENANTS_MANAGE', 'TENANTS_IMPERSONATE', 'TENANTS_ERASE'];
const SETS = Array.from({ length: 2 ** PERMISSIONS.length }, (_, bits) =>
  PERMISSIONS.filter((_permission, index) => (bits >> index) % 2 === 1),
);

const files = readdirSync(join(SOURCE, 'operators'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.graphql'))
  .map((file) => join('operators', file))
  .sort();

const operationsIn = (file: string): readonly OperationDefinitionNode[] =>
  parse(readFileSync(join(SOURCE, file), 'utf8')).definitions.filter(
    (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
  );

const demandedBy = (directives: readonly ConstDirectiveNode[] = []): string[] =>
  directives
    .filter(({ name }) => name.value === 'requires')
    .map(({ arguments: [argument] = [] }) =>
      argument?.value.kind === Kind.ENUM ? argument.value.value : '',
    );

/** What is wrong with a document for an operator with these permissions. */
function problemsOf(document: DocumentNode, held: readonly string[]): string[] {
  const problems = validate(schema, document).map(({ message }) => message);
  const info = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(info, {
      Field: ({ name }) => {
        const field = info.getFieldDef();
        const type = field && getNamedType(field.type);
        const demanded = [
          ...demandedBy(field?.astNode?.directives),
          ...(isObjectType(type) ? demandedBy(type.astNode?.directives) : []),
        ];
        for (const permission of demanded) {
          if (!held.includes(permission)) problems.push(`${name.value} needs ${permission}`);
        }
      },
    }),
  );
  return problems;
}

test('every file of documents is that of a page, or of the session', () => {
  expect(files.map((file) => basename(file, '.graphql')).sort()).toEqual(
    [...pages.map(({ name }) => name), 'session'].sort(),
  );
});

test.each(files)(
  '%s is valid with every set of scopes, and is the file of all documents of its folder',
  (file) => {
    for (const operation of operationsIn(file)) {
      for (const held of SETS) {
        const document = trimmed(print(operation), (permission) => held.includes(permission));
        if (document) expect([held, problemsOf(parse(print(document)), held)]).toEqual([held, []]);
      }
      // With everything, nothing is left out.
      expect(trimmed(print(operation), () => true)).toBeDefined();
    }
    const folder = join(SOURCE, dirname(file));
    const used = readdirSync(folder)
      .filter((name) => /\.tsx?$/.test(name))
      .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/\b(\w+Document)\b/g)])
      .map(([, name]) => name);
    const own = operationsIn(file).map(({ name }) => `${name?.value ?? ''}Document`);
    if (basename(file) !== 'session.graphql') expect([...new Set(used)].sort()).toEqual(own.sort());
  },
);

test('a document that forgets to say what it needs is found', () => {
  const document = trimmed('query Forgetful { tenants { totalCount } }', () => false);
  expect(problemsOf(document!, ['TENANTS_MANAGE'])).not.toEqual([]);
});

/**
 * Proves that each page asks only for what its visitors may read: for every role that may open a page, and for every other
 * set of permissions with which it can be opened, its documents are valid in the schema that this caller sees.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Kind, parse, print, validate, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { RoleSchemas } from '../../src/kernel/access/role-schema.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { enumName, ROLES, type Permission } from '../../src/kernel/vocabulary/permissions.js';
import { modules } from '../../src/modules.js';

/** A busy machine. */
const SLOW_MS = 240_000;

const SOURCE = fileURLToPath(new URL('../../packages/dashboard/src', import.meta.url));

// The dashboard is compiled for browsers: the compiler of the server does not follow imports into it.
interface DashboardPage {
  readonly name: string;
  readonly needs: readonly string[];
}
type Trim = (text: string, holds: (permission: string) => boolean) => DocumentNode | undefined;
const load = (file: string): Promise<unknown> => import(/* @vite-ignore */ join(SOURCE, file));
const { pages } = (await load('pages.ts')) as { pages: readonly DashboardPage[] };
const { trimmed } = (await load('session/trim.ts')) as { trimmed: Trim };

const api = buildApi(modules);
const schemas = new RoleSchemas(api);
const everything = api.roles.permissions;

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  // Those of the operators' console are for another schema.
  .filter((file) => file.endsWith('.graphql') && !file.startsWith('operators'))
  .sort();

/** The operations of a file, each as it stands there. */
function operationsIn(
  file: string,
): { readonly name: string; readonly text: string; readonly kind: string }[] {
  return parse(readFileSync(join(SOURCE, file), 'utf8'))
    .definitions.filter((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({ name: node.name?.value ?? '', text: print(node), kind: node.operation }));
}

/** What is wrong with the documents of a file for a caller with these permissions. */
function problemsFor(file: string, permissions: ReadonlySet<Permission>): string[] {
  const held = new Set([...permissions].map(enumName));
  const schema = schemas.for(permissions);
  return operationsIn(file).flatMap(({ name, text }) => {
    const document = trimmed(text, (permission) => held.has(permission));
    if (!document) return [];
    return validate(schema, parse(print(document))).map(({ message }) => `${name}: ${message}`);
  });
}

/** The permissions of the schema's enum, as the server names them. */
const named = (needs: readonly string[]): Permission[] =>
  needs.map((need) => everything.find((permission) => enumName(permission) === need)!);

const pageOf = (file: string) => pages.find(({ name }) => name === basename(file, '.graphql'));

test('every file of documents is that of a page, or of the session', () => {
  const ofSession = files.filter((file) => !pageOf(file));
  expect(ofSession.map((file) => dirname(file))).toEqual(ofSession.map(() => 'session'));
  for (const { name, needs } of pages) {
    expect(files.map((file) => basename(file, '.graphql'))).toContain(name);
    expect(named(needs)).not.toContain(undefined);
  }
});

test.each(files)('%s is the file of all documents that its page uses', (file) => {
  const own = operationsIn(file).map(({ name }) => `${name}Document`);
  const folder = join(SOURCE, dirname(file));
  const used = readdirSync(folder)
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/\b(\w+Document)\b/g)])
    .map(([, name]) => name);
  if (dirname(file) !== 'session') expect([...new Set(used)].sort()).toEqual(own.sort());
});

describe.each(ROLES)('for %s', (role) => {
  const permissions = api.roles.of(role);
  const opened = files.filter((file) =>
    named(pageOf(file)?.needs ?? []).every((need) => permissions.has(need)),
  );
  test.each(opened)('the documents of %s are valid in the schema of the role', (file) => {
    expect(problemsFor(file, permissions)).toEqual([]);
  });
});

test.each(files)(
  'the documents of %s are valid whatever else a visitor holds',
  (file) => {
    const needs = named(pageOf(file)?.needs ?? []);
    fc.assert(
      fc.property(fc.subarray([...everything]), (others) => {
        expect(problemsFor(file, new Set([...needs, ...others]))).toEqual([]);
      }),
      // Each set of permissions is another schema, which takes a moment to make.
      { numRuns: 8 },
    );
  },
  SLOW_MS,
);

test('a document that forgets to say what it needs is found', () => {
  const viewer = api.roles.of('viewer');
  const text = 'query Forgetful { members { nodes { email } } }';
  const document = trimmed(text, () => false);
  expect(validate(schemas.for(viewer), parse(print(document!)))).toHaveLength(1);
});

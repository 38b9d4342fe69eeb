/** Names the entries of a reviewed permission table that a failed test contradicts, so that a reader finds them. */
import type { GraphQLFormattedError } from 'graphql';
import type { Permission, Role } from '../../src/kernel/vocabulary/permissions.js';
import type { PermissionTable } from './permission-matrix.js';

const shown = (guard: Permission | null | undefined): string =>
  guard === undefined ? 'nothing' : guard === null ? 'null' : `'${guard}'`;

/** Where a table says which permission a field requires: `guards.Invoice`, `guards.Invoice['*']`, `guards.Invoice.cents`. */
export function entryOf({ guards }: Pick<PermissionTable, 'guards'>, coordinate: string): string {
  const [type, field] = coordinate.split('.') as [string, string];
  const ofType = guards[type];
  if (typeof ofType === 'string' || ofType === null) return `guards.${type}`;
  const isSingle = ofType === undefined || Object.hasOwn(ofType, field) || !Object.hasOwn(ofType, '*');
  return isSingle ? `guards.${type}.${field}` : `guards.${type}['*']`;
}

/**
 * The message of a test that requests the last of these fields as a role. A refusal for another reason than a permission is
 * one of the arguments, which the table may have too.
 */
export function adviceFor(
  table: Pick<PermissionTable, 'guards'>,
  role: Role,
  path: readonly { readonly coordinate: string }[],
  errors: readonly GraphQLFormattedError[],
): string {
  const other = errors.find(({ extensions }) => extensions?.['code'] !== 'FORBIDDEN');
  if (other) {
    const { coordinate } = path[0]!;
    return (
      `${coordinate} answered ${String(other.extensions?.['code'])} to the arguments of this test, and no permission is ` +
      `concerned: ${other.message} If the API is right, make other arguments in arguments['${coordinate}'] of the table`
    );
  }
  const entries = [...new Set(path.map((step) => entryOf(table, step.coordinate)))].join(', ');
  return `The table of this test decides this in ${entries} and grants.${role}: if the API is right, change these`;
}

/** The message of the test that compares the guards: the entries to change, and their new values. */
export function wrongGuards(
  table: Pick<PermissionTable, 'guards'>,
  expected: Readonly<Record<string, Readonly<Record<string, Permission | null>>>>,
  actual: Readonly<Record<string, Readonly<Record<string, Permission | null>>>>,
): string {
  const types = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  const lines = [...types].flatMap((type) => {
    const [told, found] = [expected[type] ?? {}, actual[type] ?? {}];
    return [...new Set([...Object.keys(told), ...Object.keys(found)])]
      .filter((field) => told[field] !== found[field])
      .map(
        (field) =>
          `${entryOf(table, `${type}.${field}`)} has ${shown(told[field])} for ${type}.${field}, the schema has ${shown(found[field])}`,
      );
  });
  return ['If the schema is right, change the table of this test', ...lines].join('\n  ');
}

/** The message of the test that compares the grants: the entries to change. */
export function wrongGrants(
  expected: Readonly<Record<string, readonly Permission[]>>,
  actual: Readonly<Record<string, readonly Permission[]>>,
): string {
  const lines = Object.entries(actual).flatMap(([role, held]) => {
    const told = expected[role] ?? [];
    return [
      ...held
        .filter((each) => !told.includes(each))
        .map((each) => `grants.${role} lacks '${each}', which the module gives`),
      ...told
        .filter((each) => !held.includes(each))
        .map((each) => `grants.${role} has '${each}', which the module does not give`),
    ];
  });
  return ['If the module is right, change the table of this test', ...lines].join('\n  ');
}

/**
 * Compares two schemas, and says which breaking changes meet clients that use what is changed. In doubt a change counts as
 * used: what is not counted, such as directives, is used.
 */
import { isEnumType, isInputObjectType, isInterfaceType, isObjectType, type GraphQLSchema } from 'graphql';
import { developmentPackage } from '../../kernel/config/development-package.js';
import type { FieldUser, Sought } from './field-users.js';

/** A change that can break clients, and who would notice. */
export interface BreakingChange {
  readonly change: string;
  /** What was changed, as the comparison names it; empty when it names nothing. */
  readonly path: string;
  readonly users: readonly FieldUser[];
  /** Whether it may not be made: somebody uses it, or nobody knows. */
  readonly isUsed: boolean;
}

/**
 * The breaking changes between two schemas.
 *
 * @param usersOf finds who uses one of these coordinates
 * @throws ConfigError when the package that compares is not installed
 */
export async function breakingChanges(
  before: GraphQLSchema,
  after: GraphQLSchema,
  usersOf: (sought: Sought) => Promise<readonly FieldUser[]>,
): Promise<BreakingChange[]> {
  const { CriticalityLevel, diff } = await developmentPackage(
    import('@graphql-inspector/core'),
    'Schemas are compared by @graphql-inspector/core, which is not installed: run `npm ci` without --omit=dev.',
  );
  const found: BreakingChange[] = [];
  for (const { message, path = '', criticality } of await diff(before, after)) {
    if (criticality.level !== CriticalityLevel.Breaking) continue;
    const sought = soughtFor(before, path);
    const users = sought ? await usersOf(sought) : [];
    found.push({ change: message, path, users, isUsed: !sought || users.length > 0 });
  }
  return found;
}

/** The coordinates whose users notice a change at this path, `Type.field.argument`; undefined when they are not counted. */
export function soughtFor(before: GraphQLSchema, path: string): Sought | undefined {
  const [typeName = '', member, argument] = path.split('.');
  const type = before.getType(typeName);
  if (!type) return undefined;
  // A union or an enum of values that are read is used with each field of the type.
  const whole = { exact: [typeName], prefixes: [`${typeName}.`] };
  if (member === undefined) {
    return isObjectType(type) || isInterfaceType(type) || isInputObjectType(type) || isEnumType(type)
      ? whole
      : undefined;
  }
  // Whoever reads the enum may be given any of its values.
  if (isEnumType(type)) return { exact: [typeName, `${typeName}.${member}`] };
  if (isInputObjectType(type)) {
    // A new field that is required concerns whoever sends the input.
    return Object.hasOwn(type.getFields(), member) ? { exact: [`${typeName}.${member}`] } : whole;
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return undefined;
  const field = Object.hasOwn(type.getFields(), member) ? type.getFields()[member] : undefined;
  const coordinate = `${typeName}.${member}`;
  const isKnownArgument = argument !== undefined && field?.args.some(({ name }) => name === argument);
  return { exact: [isKnownArgument ? `${coordinate}(${argument}:)` : coordinate] };
}

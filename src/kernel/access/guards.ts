/**
 * Reads the guards from the schema's directives, and refuses a schema with a missing guard, so that access is denied by
 * default.
 */
import {
  getNamedType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { answersAnyNode, isSecretField, objectTypesOf, usesOf, type Annotated } from './schema-types.js';
import { enumName, type Permission } from '../vocabulary/permissions.js';

/** What a field requires: a permission, or (`null`) only a membership. */
export type Guard = Permission | null;

/** The guard of every field, by coordinate: `Tenant.plan` → `billing:manage`. */
export type Guards = ReadonlyMap<string, Guard>;

/** The schema has fields without a guard. The server does not start. */
export class UnguardedSchemaError extends Error {
  override readonly name = 'UnguardedSchemaError';
}

/**
 * The guard of every field of every object type.
 *
 * - A root field carries `@requires(permission:)` or `@authenticated` itself.
 * - Any other field carries one of them, or its type does.
 * - A field that returns a type with `@requires` requires the same permission, or belongs to a type that does. A field
 *   that returns any Node need not: the guard of each object's type is checked when it is read.
 * - Each type that implements an interface has at least the guards and `@secret` of the interface's fields: a value
 *   always has an object type, and the directives of that type apply.
 *
 * @throws UnguardedSchemaError with every place where one of these does not hold.
 */
export function readGuards(schema: GraphQLSchema, permissions: readonly Permission[]): Guards {
  const guards = new Map<string, Guard>();
  const problems: string[] = [];
  const read = (annotated: Annotated, where: string) =>
    readGuard(annotated, permissions, (problem) => problems.push(`${where} ${problem}`));

  for (const type of objectTypes(schema)) {
    const isRoot = rootTypes(schema).includes(type);
    const ofType = read(type, type.name);
    if (isRoot && ofType !== undefined)
      problems.push(`${type.name} is a root type: guard its fields instead`);
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      const own = read(field, coordinate);
      const guard = own === undefined && !isRoot ? ofType : own;
      if (guard === undefined) {
        problems.push(`${coordinate} has neither @requires nor @authenticated`);
        continue;
      }
      guards.set(coordinate, guard);
      if (answersAnyNode(field)) continue;
      for (const target of objectTypesOf(schema, getNamedType(field.type))) {
        const demanded = read(target, target.name);
        if (demanded && guard !== demanded && ofType !== demanded) {
          problems.push(`${coordinate} leads to ${target.name}, which requires ${demanded}`);
        }
      }
    }
  }
  for (const { parent, field, implementations } of interfaceFields(schema)) {
    const coordinate = `${parent.name}.${field.name}`;
    const demanded = read(field, coordinate);
    for (const type of implementations) {
      const own = `${type.name}.${field.name}`;
      if (demanded && guards.get(own) !== demanded && read(type, type.name) !== demanded) {
        problems.push(`${own} does not demand ${demanded}, as ${coordinate} of its interface does`);
      }
      if (isSecretField(field) && !isSecretField(type.getFields()[field.name]!)) {
        problems.push(`${own} is not @secret, as ${coordinate} of its interface is`);
      }
    }
  }
  if (problems.length > 0) {
    throw new UnguardedSchemaError(`The schema leaves fields unguarded:\n- ${problems.join('\n- ')}`);
  }
  return guards;
}

/**
 * Whether the field has the guard of its type, and so needs no check: every field that returns a type with `@requires`
 * requires the same permission, or belongs to a type that does, up to a root field.
 */
export const isGuardedByItsType = (type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): boolean =>
  GUARDS.every((guard) => usesOf(field, guard).length === 0) && usesOf(type, 'requires').length > 0;

/** The names of the mutations that need no membership: `@authenticated(member: false)`. */
export function guestMutations(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  const isForGuests = (field: Annotated) =>
    usesOf(field, 'authenticated').some(({ member }) => member === false);
  return new Set(fields.filter(isForGuests).map(({ name }) => name));
}

/** The object types of the schema, introspection aside. */
export const objectTypes = (schema: GraphQLSchema): GraphQLObjectType[] =>
  Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !isIntrospectionType(type),
  );

/** A field of an interface, and the object types that implement it. */
export interface InterfaceField {
  readonly parent: GraphQLInterfaceType;
  readonly field: GraphQLField<unknown, unknown>;
  readonly implementations: readonly GraphQLObjectType[];
}

/** The fields of all interfaces. An interface of an interface is implemented by the same object types. */
export const interfaceFields = (schema: GraphQLSchema): InterfaceField[] =>
  Object.values(schema.getTypeMap())
    .filter(isInterfaceType)
    .flatMap((parent) =>
      Object.values(parent.getFields()).map((field) => ({
        parent,
        field,
        implementations: schema.getPossibleTypes(parent),
      })),
    );

const GUARDS = ['requires', 'authenticated'] as const;

const rootTypes = (schema: GraphQLSchema) => [
  schema.getQueryType(),
  schema.getMutationType(),
  schema.getSubscriptionType(),
];

/** The guard among the directives of one place; undefined when there is none. */
export function readGuard(
  annotated: Annotated,
  permissions: readonly Permission[],
  report: (problem: string) => void,
): Guard | undefined {
  const required = usesOf(annotated, 'requires');
  const open = usesOf(annotated, 'authenticated');
  if (required.length + open.length > 1) report('has more than one guard');
  const [guard] = required;
  if (!guard) return open.length > 0 ? null : undefined;
  const permission = permissions.find((each) => enumName(each) === guard['permission']);
  if (!permission) report('requires a permission that no module declares');
  return permission ?? null;
}

/**
 * Reads the guards from the schema's directives, and refuses a schema with a missing guard, so that access is denied by
 * default.
 */
import {
  Kind,
  getNamedType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  type DirectiveNode,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { isSecretField, objectTypesOf } from './schema-types.js';
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
 * - A field that returns a type with `@requires` requires the same permission, or belongs to a type that does.
 * - Each type that implements an interface has at least the guards and `@secret` of the interface's fields: a value
 *   always has an object type, and the directives of that type apply.
 *
 * @throws UnguardedSchemaError with every place where one of these does not hold.
 */
export function readGuards(schema: GraphQLSchema, permissions: readonly Permission[]): Guards {
  const guards = new Map<string, Guard>();
  const problems: string[] = [];
  const read = (nodes: readonly (DirectiveNode | undefined)[], where: string) =>
    readGuard(nodes, permissions, (problem) => problems.push(`${where} ${problem}`));

  for (const type of objectTypes(schema)) {
    const isRoot = rootTypes(schema).includes(type);
    const ofType = read(directivesOf(type), type.name);
    if (isRoot && ofType !== undefined)
      problems.push(`${type.name} is a root type: guard its fields instead`);
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      const own = read(field.astNode?.directives ?? [], coordinate);
      const guard = own === undefined && !isRoot ? ofType : own;
      if (guard === undefined) {
        problems.push(`${coordinate} has neither @requires nor @authenticated`);
        continue;
      }
      guards.set(coordinate, guard);
      for (const target of objectTypesOf(schema, getNamedType(field.type))) {
        const demanded = read(directivesOf(target), target.name);
        if (demanded && guard !== demanded && ofType !== demanded) {
          problems.push(`${coordinate} leads to ${target.name}, which requires ${demanded}`);
        }
      }
    }
  }
  for (const { parent, field, implementations } of interfaceFields(schema)) {
    const coordinate = `${parent.name}.${field.name}`;
    const demanded = read(field.astNode?.directives ?? [], coordinate);
    for (const type of implementations) {
      const own = `${type.name}.${field.name}`;
      if (demanded && guards.get(own) !== demanded && read(directivesOf(type), type.name) !== demanded) {
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
  !field.astNode?.directives?.some(isGuard) &&
  directivesOf(type).some((node) => node.name.value === 'requires');

/** The names of the mutations that need no membership: `@authenticated(member: false)`. */
export function guestMutations(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  return new Set(fields.filter((field) => isForGuests(field)).map(({ name }) => name));
}

const isForGuests = ({ astNode }: GraphQLField<unknown, unknown>): boolean =>
  (astNode?.directives ?? [])
    .filter(({ name }) => name.value === 'authenticated')
    .flatMap((directive) => directive.arguments ?? [])
    .some(({ name, value }) => name.value === 'member' && value.kind === Kind.BOOLEAN && !value.value);

/** The object types of the schema without those of introspection. */
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

const isGuard = ({ name }: DirectiveNode): boolean =>
  name.value === 'requires' || name.value === 'authenticated';

const rootTypes = (schema: GraphQLSchema) => [
  schema.getQueryType(),
  schema.getMutationType(),
  schema.getSubscriptionType(),
];

const directivesOf = (type: GraphQLObjectType) =>
  [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);

/** The guard among a node's directives; undefined when there is none. */
export function readGuard(
  nodes: readonly (DirectiveNode | undefined)[],
  permissions: readonly Permission[],
  report: (problem: string) => void,
): Guard | undefined {
  const own = nodes.filter((node) => node && isGuard(node));
  if (own.length > 1) report('has more than one guard');
  const [node] = own;
  if (!node) return undefined;
  if (node.name.value === 'authenticated') return null;
  const value = node.arguments?.[0]?.value;
  const permission =
    value?.kind === Kind.ENUM ? permissions.find((each) => enumName(each) === value.value) : undefined;
  if (!permission) report('requires a permission that no module declares');
  return permission ?? null;
}

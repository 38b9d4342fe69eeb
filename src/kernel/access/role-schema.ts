/**
 * The schema that a caller may use: without the parts whose permission the caller lacks, and without types that only
 * those parts use. It is for reading (introspection, `tenantry schema --role`, code generation). Operations are
 * validated and executed against the full schema, where a refused field is null with an error that names the missing
 * permission.
 */
import { mapSchema, MapperKind, pruneSchema } from '@graphql-tools/utils';
import {
  isObjectType,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  GraphQLSchema,
  type SchemaDefinitionNode,
  type SchemaExtensionNode,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Guards } from './guards.js';
import { argumentCoordinate, type InputGuards } from './input-guards.js';
import { readableFields } from './readable-fields.js';
import type { Permission } from '../vocabulary/permissions.js';

/** A schema with its guards. */
export interface GuardedSchema {
  readonly schema: GraphQLSchema;
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
}

/**
 * The part of the schema that a caller with these permissions may use. Keeps descriptions, directives and order. A
 * field of an interface is kept when every kept implementation has it. A type that the caller cannot reach is left out,
 * even if it has fields that demand less than the type: it is no implementation then.
 */
export function schemaFor(
  { schema, guards, inputGuards }: GuardedSchema,
  permissions: ReadonlySet<Permission>,
): GraphQLSchema {
  const mayUse = (coordinate: string) => {
    const guard = guards.get(coordinate) ?? inputGuards.get(coordinate) ?? null;
    return guard === null || permissions.has(guard);
  };
  const readable = readableFields(schema, guards, permissions);
  const implementations = (interfaceName: string) =>
    Object.values(schema.getTypeMap()).filter(
      (type) =>
        isObjectType(type) &&
        type.getInterfaces().some(({ name }) => name === interfaceName) &&
        Object.keys(type.getFields()).some((field) => readable.has(`${type.name}.${field}`)),
    );
  const withArguments = (
    field: GraphQLFieldConfig<unknown, unknown>,
    mayGive: (argument: string) => boolean,
  ): GraphQLFieldConfig<unknown, unknown> => {
    const args = Object.entries(field.args ?? {}).filter(([name]) => mayGive(name));
    return { ...field, args: Object.fromEntries(args) satisfies GraphQLFieldConfigArgumentMap };
  };
  const usable = mapSchema(schema, {
    [MapperKind.OBJECT_FIELD]: (field, name, type) => {
      const coordinate = `${type}.${name}`;
      if (!readable.has(coordinate)) return null;
      return withArguments(field, (argument) => mayUse(argumentCoordinate(coordinate, argument)));
    },
    [MapperKind.INTERFACE_FIELD]: (field, name, type) => {
      const coordinates = implementations(type).map((each) => `${each.name}.${name}`);
      if (!coordinates.every((coordinate) => readable.has(coordinate))) return null;
      return withArguments(field, (argument) =>
        coordinates.every((coordinate) => mayUse(argumentCoordinate(coordinate, argument))),
      );
    },
    [MapperKind.INPUT_OBJECT_FIELD]: (field, name, type) => (mayUse(`${type}.${name}`) ? field : null),
    [MapperKind.ENUM_VALUE]: (value, type, _schema, name) => (mayUse(`${type}.${name}`) ? value : null),
  });
  return withoutMissingRoots(pruneSchema(usable));
}

/** Removes missing root types from the schema's definition, which printers read. */
function withoutMissingRoots(schema: GraphQLSchema): GraphQLSchema {
  const withRoots = <Node extends SchemaDefinitionNode | SchemaExtensionNode>(node: Node): Node => ({
    ...node,
    operationTypes: node.operationTypes?.filter(({ type }) => schema.getType(type.name.value)),
  });
  const { astNode, extensionASTNodes, ...config } = schema.toConfig();
  return new GraphQLSchema({
    ...config,
    astNode: astNode && withRoots(astNode),
    extensionASTNodes: extensionASTNodes.map(withRoots),
  });
}

/** About 160 KiB each. There are four roles, but API keys may have any set of permissions. */
export const MOST_ROLE_SCHEMAS = 50;

/** The same text for the same permissions, in whichever order, and for no others. */
export const permissionsKey = (permissions: ReadonlySet<Permission>): string =>
  [...permissions].sort().join(' ');

/** Role schemas, made on demand. Those of the most recently used sets of permissions are kept. */
export class RoleSchemas {
  private readonly kept = new LRUCache<string, GraphQLSchema>({ max: MOST_ROLE_SCHEMAS });

  constructor(private readonly full: GuardedSchema) {}

  /** The number of kept schemas. */
  get count(): number {
    return this.kept.size;
  }

  for(permissions: ReadonlySet<Permission>): GraphQLSchema {
    const key = permissionsKey(permissions);
    const made = this.kept.get(key) ?? schemaFor(this.full, permissions);
    this.kept.set(key, made);
    return made;
  }
}

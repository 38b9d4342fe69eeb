/** The guards of types that can be read by their id alone. */
import type { GraphQLObjectType, GraphQLSchema } from 'graphql';
import { readGuard, UnguardedSchemaError, type Guard, type Guards } from './guards.js';
import { readableFields } from './readable-fields.js';
import { nodeTypes } from './schema-types.js';
import type { Permission } from '../vocabulary/permissions.js';

/** What a caller must hold to read an object of this type by its id: the permission of the type, or none. */
export const nodeGuard = (type: GraphQLObjectType, permissions: readonly Permission[]): Guard =>
  // readGuards has reported problems.
  readGuard(type, permissions, () => undefined) ?? null;

/**
 * Refuses types that node would show to callers who cannot reach them through other fields.
 *
 * @throws UnguardedSchemaError with every such type
 */
export function refuseUnreachableNodes(
  schema: GraphQLSchema,
  guards: Guards,
  permissions: readonly Permission[],
): void {
  const problems = nodeTypes(schema).flatMap((type) => {
    const guard = nodeGuard(type, permissions);
    const readable = readableFields(schema, guards, new Set(guard === null ? [] : [guard]));
    return readable.has(`${type.name}.id`)
      ? []
      : [`${type.name} is a Node, and every field that leads to it demands more than its type does`];
  });
  if (problems.length > 0) {
    throw new UnguardedSchemaError(`The schema leaves fields unguarded:\n- ${problems.join('\n- ')}`);
  }
}

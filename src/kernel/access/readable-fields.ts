/**
 * The fields that a caller may read, for values shown outside the field itself: in the extensions of an error, or in a
 * row of the audit log. These values are not reached through the fields that lead to their type, and shield leaves many
 * such fields without a check. So this checks their guards.
 */
import { getNamedType, type GraphQLSchema } from 'graphql';
import type { Guards } from './guards.js';
import { answersAnyNode, objectTypesOf } from './schema-types.js';
import type { Permission } from '../vocabulary/permissions.js';

/**
 * The coordinates of the fields that a caller with these permissions can read with some operation: the field's guard,
 * and the guards on a path from a root field to its type, require no other permission. Rules that look at data are not
 * evaluated. `node` and `nodes` are no such path: what they answer can be reached through other fields.
 */
export function readableFields(
  schema: GraphQLSchema,
  guards: Guards,
  permissions: ReadonlySet<Permission>,
): ReadonlySet<string> {
  const readable = new Set<string>();
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const open = roots.filter((type) => type != null);
  const seen = new Set(open);
  for (let type = open.pop(); type; type = open.pop()) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      if (!isOpenTo(guards, permissions, coordinate)) continue;
      readable.add(coordinate);
      if (answersAnyNode(field)) continue;
      for (const target of objectTypesOf(schema, getNamedType(field.type))) {
        if (seen.has(target)) continue;
        seen.add(target);
        open.push(target);
      }
    }
  }
  return readable;
}

/** Whether a caller passes the guard of a field; false for a field that is not in the schema. */
export function isOpenTo(guards: Guards, permissions: ReadonlySet<Permission>, coordinate: string): boolean {
  const guard = guards.get(coordinate);
  return guard === null || (guard !== undefined && permissions.has(guard));
}

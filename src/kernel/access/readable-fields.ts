/**
 * What a caller may read at all, for whatever shows the value of a field elsewhere than in the answer to that field: the
 * extensions of an error, a row of the audit log. Fields there are not reached through those that lead to their type, and
 * shield has left many of them without a check for that reason. So their guards have to be asked for here.
 */
import { getNamedType, type GraphQLSchema } from 'graphql';
import type { Guards } from './guards.js';
import { objectTypesOf } from './schema-types.js';
import type { Permission } from '../vocabulary/permissions.js';

/**
 * The coordinates of the fields that some operation gives to a caller with these permissions: those whose guard, and the
 * guards of a way of fields from a root field to their type, demand nothing else. Rules that look at data are not asked.
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
      for (const target of objectTypesOf(schema, getNamedType(field.type))) {
        if (seen.has(target)) continue;
        seen.add(target);
        open.push(target);
      }
    }
  }
  return readable;
}

/** Whether the guard of a field lets a caller pass. A field that is not in the schema lets nobody. */
export function isOpenTo(guards: Guards, permissions: ReadonlySet<Permission>, coordinate: string): boolean {
  const guard = guards.get(coordinate);
  return guard === null || (guard !== undefined && permissions.has(guard));
}

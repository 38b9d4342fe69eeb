/**
 * Updates that must not overwrite what their author has not seen. The client names the version it saw; that is a
 * condition of the UPDATE itself, so that of many at once one succeeds. `tenantry.count_versions` makes the versions.
 */
import {
  defaultFieldResolver,
  getNullableType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  type GraphQLResolveInfo,
} from 'graphql';
import { z } from 'zod';
import { conflict, publicError } from '../errors.js';
import type { RequestContext } from './request-context.js';

/** The field `expectedVersion` of an update's input. */
export const versionInput = z.number().int().nullish();

/** How a row is changed, and how it is read when it could not be. */
export interface VersionedUpdate<Row> {
  /** The GraphQL type of the row. */
  readonly type: string;
  /** Changes the row, or throws NOT_FOUND; `at` is part of its `where`, and empty when no version is expected. */
  readonly update: (at: { readonly version?: number }) => Promise<Row>;
  /** Reads the row as it is now. */
  readonly find: () => Promise<{ readonly version: number } | null>;
}

/**
 * Changes a row that is expected in a certain version; null and undefined expect none.
 *
 * @throws CONFLICT when the row is in another version, with its present state in `extensions.current`: the fields of
 * its type, as far as the viewer may read them. Otherwise what `update` throws.
 */
export async function updateExpecting<Row>(
  expected: number | null | undefined,
  { type, update, find }: VersionedUpdate<Row>,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<Row> {
  if (expected == null) return update({});
  try {
    return await update({ version: expected });
  } catch (error) {
    if (publicError(error)?.code !== 'NOT_FOUND') throw error;
    const row = await find();
    if (!row || row.version === expected) throw error;
    const current = await visibleState(type, row, context, info);
    throw conflict('This has changed since you read it.', { current });
  }
}

/**
 * The plain fields of a row as a query would give them to this viewer: through the resolvers of the guarded schema. What
 * is refused is left out, and so is what is a list, leads to another object, or needs arguments.
 */
async function visibleState(
  typeName: string,
  row: object,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<Readonly<Record<string, unknown>>> {
  const type = info.schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`${typeName} is not an object type of the schema`);
  const state: Record<string, unknown> = {};
  for (const field of Object.values(type.getFields())) {
    const fieldType = getNullableType(field.type);
    if (!isLeafType(fieldType) || field.args.some(isRequiredArgument)) continue;
    const resolve = field.resolve ?? defaultFieldResolver;
    const ofField = { ...info, fieldName: field.name, parentType: type, returnType: field.type };
    try {
      const value: unknown = await resolve(row, {}, context, ofField);
      // graphql-js takes a returned error for a thrown one, and graphql-shield returns its refusals.
      if (value instanceof Error) throw value;
      state[field.name] = value == null ? null : fieldType.serialize(value);
    } catch (error) {
      if (!publicError(error)) throw error;
    }
  }
  return state;
}

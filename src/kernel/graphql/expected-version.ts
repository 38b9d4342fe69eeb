/**
 * Updates that must not overwrite what their author has not seen. The client names the version it saw; that is a
 * condition of the UPDATE itself, so that of many at once one succeeds. `tenantry.count_versions` makes the versions.
 */
import {
  defaultFieldResolver,
  getNamedType,
  getNullableType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
} from 'graphql';
import { z } from 'zod';
import { isSecretField } from '../access/schema-types.js';
import { isOpenTo, readableFields } from '../access/readable-fields.js';
import { conflict, publicError } from '../vocabulary/errors.js';
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
 * @throws CONFLICT when the row is in another version. Its present state is in `extensions.current`, as far as the viewer
 * may read it; a viewer who may read nothing of it is given no `current`. Otherwise what `update` throws.
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
    throw conflict('This has changed since you read it.', current && { current });
  }
}

/**
 * The plain fields of a row as a query would give them to this viewer; undefined when there is none. What the viewer may not
 * read is left out, and so is what is a list, leads to another object, needs arguments, or is secret.
 *
 * The row is not reached through a field that leads to its type, so that the guards are asked for here. The resolvers of
 * the guarded schema check the rules that look at data.
 */
async function visibleState(
  typeName: string,
  row: object,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const type = info.schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`${typeName} is not an object type of the schema`);
  const { guards, viewer } = context;
  if (!mayBeAnswered(type, context, info)) return undefined;
  const readable = readableFields(info.schema, guards, viewer.permissions);
  const state: Record<string, unknown> = {};
  for (const field of Object.values(type.getFields())) {
    if (!readable.has(`${type.name}.${field.name}`) || isSecretField(field)) continue;
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
  return Object.keys(state).length > 0 ? state : undefined;
}

/**
 * Whether the mutation would give the viewer the row if it succeeded. What its payload demands for the row holds for the row
 * in an error as well, also when it is more than the row's type demands.
 */
function mayBeAnswered(
  type: GraphQLObjectType,
  { guards, viewer }: RequestContext,
  { returnType }: GraphQLResolveInfo,
): boolean {
  const payload = getNamedType(returnType);
  if (!isObjectType(payload)) return true;
  const leading = Object.values(payload.getFields()).filter((field) => getNamedType(field.type) === type);
  return (
    leading.length === 0 ||
    leading.some(({ name }) => isOpenTo(guards, viewer.permissions, `${payload.name}.${name}`))
  );
}

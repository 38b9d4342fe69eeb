/**
 * Updates with optimistic concurrency. The client sends the version it saw, which becomes a condition of the UPDATE, so
 * of several concurrent updates one succeeds. `tenantry.count_versions` counts the versions.
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

/** How to change a row, and how to read it after a conflict. */
export interface VersionedUpdate<Row> {
  /** The GraphQL type of the row. */
  readonly type: string;
  /** Changes the row, or throws NOT_FOUND; add `at` to its `where` (empty when no version is expected). */
  readonly update: (at: { readonly version?: number }) => Promise<Row>;
  /** Reads the present row. */
  readonly find: () => Promise<{ readonly version: number } | null>;
}

/**
 * Changes a row if it has the expected version; null and undefined accept any version.
 *
 * @throws CONFLICT when the row has another version, with the fields that the viewer may read in `extensions.current`,
 * if there are any; and the errors of `update`
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
 * The plain fields of a row in the form of a query by this viewer; undefined when there are none. Leaves out fields
 * that the viewer may not read, lists, objects, fields with arguments, and secrets.
 *
 * The row is not reached through a field that returns its type, so this checks the guards. The resolvers of the guarded
 * schema check the rules that look at data.
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
      // graphql-js treats a returned error like a thrown one, and graphql-shield returns its refusals.
      if (value instanceof Error) throw value;
      state[field.name] = value == null ? null : fieldType.serialize(value);
    } catch (error) {
      if (!publicError(error)) throw error;
    }
  }
  return Object.keys(state).length > 0 ? state : undefined;
}

/**
 * Whether the mutation would return the row to the viewer if it succeeded. The guard of the payload's field applies to
 * the row in an error too, also when it requires more than the row's type.
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

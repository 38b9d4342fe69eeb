import { getDirectiveInExtensions } from '@graphql-tools/utils';
import {
  isAbstractType,
  isObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** An element of a schema that may have directives, in its definition or in its extensions. */
export type Annotated = Parameters<typeof getDirectiveInExtensions>[0];

/** The arguments of each use of a directive; a value of an enum is given by its name. */
export const usesOf = (
  annotated: Annotated,
  directive: string,
): readonly Readonly<Record<string, unknown>>[] =>
  // Despite its name, the function also reads directives of definitions. `getDirective`, which takes the schema, would
  // throw at invalid values.
  getDirectiveInExtensions(annotated, directive) ?? [];

/** Whether the field's value may be shown only once: it has `@secret`. */
export const isSecretField = (field: GraphQLField<unknown, unknown>): boolean =>
  usesOf(field, 'secret').length > 0;

/** The possible object types of a value of this type. */
export function objectTypesOf(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type];
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

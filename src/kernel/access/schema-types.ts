import { getDirectiveInExtensions } from '@graphql-tools/utils';
import {
  isAbstractType,
  isObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** Something of a schema that may carry directives, in its definition or in extensions of it. */
export type Annotated = Parameters<typeof getDirectiveInExtensions>[0];

/** The arguments of each use of a directive; a value of an enum is given by its name. */
export const usesOf = (
  annotated: Annotated,
  directive: string,
): readonly Readonly<Record<string, unknown>>[] =>
  // Of definitions as well, whatever its name says. With the schema at hand it would throw at a value that is none.
  getDirectiveInExtensions(annotated, directive) ?? [];

/** Whether nobody is to be told the field's value a second time. */
export const isSecretField = (field: GraphQLField<unknown, unknown>): boolean =>
  usesOf(field, 'secret').length > 0;

/** The possible object types of a value of this type. */
export function objectTypesOf(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type];
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

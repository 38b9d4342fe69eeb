import { getDirectiveInExtensions } from '@graphql-tools/utils';
import {
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  type DirectiveNode,
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
  isUsed(annotated, directive) ? (getDirectiveInExtensions(annotated, directive) ?? []) : [];

/** Almost always false, and found much sooner than the arguments are read. */
const isUsed = ({ astNode, extensionASTNodes, extensions }: Annotated, directive: string): boolean =>
  (extensions as { readonly directives?: unknown } | undefined)?.directives !== undefined ||
  [astNode, ...(extensionASTNodes ?? [])].some((node) =>
    node?.directives?.some(({ name }: DirectiveNode) => name.value === directive),
  );

/** Whether the field's value may be shown only once: it has `@secret`. */
export const isSecretField = (field: GraphQLField<unknown, unknown>): boolean =>
  usesOf(field, 'secret').length > 0;

/** The name of the interface of everything that can be read by its id alone. */
const NODE = 'Node';

/** The object types that implement Node. */
export function nodeTypes(schema: GraphQLSchema): readonly GraphQLObjectType[] {
  const node = schema.getType(NODE);
  return isInterfaceType(node) ? schema.getPossibleTypes(node) : [];
}

/** The type that `@id` names; undefined without the directive. */
export function declaredIdType(annotated: Annotated): string | undefined {
  const [use] = usesOf(annotated, 'id');
  return use && String(use['of']);
}

/** The type whose ids a field answers: its own as `id` of a Node, or the one it declares; undefined for any other field. */
export function idTypeOf(
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
): string | undefined {
  const isOwn = field.name === 'id' && parent.getInterfaces().some(({ name }) => name === NODE);
  return isOwn ? parent.name : declaredIdType(field);
}

/**
 * Whether a field answers any Node. Its declared type says nothing about who may read the object: what reads objects by
 * their ids asks the guard of each object's type (graphql/node-reader.ts), and no other code can answer a Node.
 */
export const answersAnyNode = ({ type }: GraphQLField<unknown, unknown>): boolean =>
  getNamedType(type).name === NODE;

/** The possible object types of a value of this type. */
export function objectTypesOf(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type];
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

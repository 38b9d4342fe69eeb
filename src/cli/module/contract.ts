/** What the existing GraphQL schema says of types, for the plan of a module. */
import { isObjectType, type GraphQLSchema } from 'graphql';
import { getDirective } from '@graphql-tools/utils';

export interface ContractView {
  readonly hasType: (name: string) => boolean;
  /** Whether the type's ids carry their type. */
  readonly isNode: (type: string) => boolean;
  readonly hasField: (type: string, field: string) => boolean;
  /**
   * The directive that every field which returns this type needs, possibly empty; undefined when there is no such type.
   */
  readonly guardOf: (type: string) => string | undefined;
}

/** @param schema built from SDL with directives, as `tenantry schema` prints it */
export const viewOf = (schema: GraphQLSchema): ContractView => ({
  hasType: (name) => schema.getType(name) !== undefined,
  isNode: (type) => {
    const found = schema.getType(type);
    return isObjectType(found) && found.getInterfaces().some(({ name }) => name === 'Node');
  },
  hasField: (type, field) => {
    const found = schema.getType(type);
    return isObjectType(found) && found.getFields()[field] !== undefined;
  },
  guardOf: (type) => {
    const found = schema.getType(type);
    if (!isObjectType(found)) return undefined;
    const permission: unknown = getDirective(schema, found, 'requires')?.[0]?.['permission'];
    // Otherwise the guard of the type that has the field is enough.
    return typeof permission === 'string' ? `@requires(permission: ${permission})` : '';
  },
});

/** What the schema has already: read from schema.graphql, so that no module has to be loaded for it. */
import { isObjectType, type GraphQLSchema } from 'graphql';
import { getDirective } from '@graphql-tools/utils';

export interface ContractView {
  readonly hasType: (name: string) => boolean;
  readonly hasField: (type: string, field: string) => boolean;
  /** What every field that leads to the type has to carry, possibly nothing; undefined when there is no such type. */
  readonly guardOf: (type: string) => string | undefined;
}

/** @param schema built from the committed contract, with its directives */
export const viewOf = (schema: GraphQLSchema): ContractView => ({
  hasType: (name) => schema.getType(name) !== undefined,
  hasField: (type, field) => {
    const found = schema.getType(type);
    return isObjectType(found) && found.getFields()[field] !== undefined;
  },
  guardOf: (type) => {
    const found = schema.getType(type);
    if (!isObjectType(found)) return undefined;
    const permission: unknown = getDirective(schema, found, 'requires')?.[0]?.['permission'];
    // Otherwise the guard of the type that the field belongs to is enough.
    return typeof permission === 'string' ? `@requires(permission: ${permission})` : '';
  },
});

import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { execute } from 'graphql';
import { introspects } from '../kernel/access/introspection.js';
import { RoleSchemas, type GuardedSchema } from '../kernel/access/role-schema.js';
import { badInput } from '../kernel/vocabulary/errors.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';

/**
 * Answers introspection from the schema of the caller's permissions. It must come before other plugins that execute
 * operations, because the first answer is used.
 */
export function roleIntrospection(api: GuardedSchema): ApolloServerPlugin<RequestContext> {
  const schemas = new RoleSchemas(api);
  return {
    async requestDidStart() {
      return {
        async responseForOperation({ document, operation, operationName, request, contextValue }) {
          if (!introspects(document, operation)) return null;
          const { data = null, errors } = await execute({
            schema: schemas.for(contextValue.viewer.permissions),
            document,
            operationName,
            variableValues: request.variables,
          });
          const headers = new HeaderMap();
          if (!errors) return { http: { headers }, body: { kind: 'single', singleResult: { data } } };
          // In valid introspection only variables can be wrong.
          const refused = { errors: errors.map(({ message }) => badInput(message).toJSON()) };
          return { http: { status: 400, headers }, body: { kind: 'single', singleResult: refused } };
        },
      };
    },
  };
}

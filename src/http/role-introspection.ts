import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { IntrospectionAnswers } from '../kernel/access/introspection-answers.js';
import { introspects } from '../kernel/access/introspection.js';
import type { RoleSchemas } from '../kernel/access/role-schema.js';
import { badInput } from '../kernel/vocabulary/errors.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';

/**
 * Answers introspection from the schema of the caller's permissions. It must come before other plugins that execute
 * operations, because the first answer is used.
 */
export function roleIntrospection(schemas: RoleSchemas): ApolloServerPlugin<RequestContext> {
  const answers = new IntrospectionAnswers(schemas);
  return {
    async requestDidStart() {
      return {
        async responseForOperation({ document, source, operation, operationName, request, contextValue }) {
          if (!introspects(document, operation)) return null;
          const { variables } = request;
          const { data = null, errors } = await answers.answer(contextValue.viewer.permissions, {
            document,
            operation,
            source,
            operationName,
            variables,
          });
          const headers = new HeaderMap();
          if (!errors) return { http: { headers }, body: { kind: 'single', singleResult: { data } } };
          const refused = { errors: errors.map(({ message }) => badInput(message).toJSON()) };
          return { http: { status: 400, headers }, body: { kind: 'single', singleResult: refused } };
        },
      };
    },
  };
}

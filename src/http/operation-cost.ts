import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLSchema } from 'graphql';
import { PublicError, withStatus } from '../errors.js';
import type { RequestContext } from '../graphql/request-context.js';
import { MOST_COST } from '../limits/cost.js';
import { costOf } from '../limits/operation-limits.js';

/** Refuses what costs too much with the variables of its request, and says in every answer what it cost. */
export const limitCost = (schema: GraphQLSchema): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart() {
    let requested: number | undefined;
    return {
      async didResolveOperation({ document, operation, request }) {
        try {
          if (operation) requested = costOf(schema, document, operation, request.variables ?? {});
        } catch (error) {
          throw error instanceof PublicError ? withStatus(error) : error;
        }
      },
      async willSendResponse({ response: { body } }) {
        if (requested === undefined || body.kind !== 'single') return;
        const { extensions } = body.singleResult;
        body.singleResult.extensions = { ...extensions, cost: { requested, limit: MOST_COST } };
      },
    };
  },
});

import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, OperationTypeNode } from 'graphql';
import { unwrapResolverError } from '@apollo/server/errors';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { PublicError } from '../kernel/vocabulary/errors.js';
import type { AccessRecords } from '../services/access-records/access-records.js';

/** The depth of a mutation's own field in the answer. */
const OWN = 1;

/** Records mutations that were refused because the caller lacks a permission. Fields of their payloads are not recorded. */
export const recordRefusals = (records: AccessRecords): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, operation, contextValue }) {
        if (operation?.operation !== OperationTypeNode.MUTATION || contextValue.isGuest) return;
        const { viewer, requestId } = contextValue;
        for (const error of errors) {
          const known = unwrapResolverError(error);
          if (!(known instanceof PublicError) || known.code !== 'FORBIDDEN' || error.path?.length !== OWN)
            continue;
          const [field] = error.nodes ?? [];
          if (field?.kind !== Kind.FIELD) continue;
          records.mutationRefused(
            { tenantId: viewer.tenantId, actor: viewer.actor, requestId },
            field.name.value,
            String(known.extensions['requires']),
          );
        }
      },
    };
  },
});

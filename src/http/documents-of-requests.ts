/**
 * The steps between the text of a request's document and its execution: parsing, validation, selecting the operation,
 * and its limits. Apollo's own steps would cache documents without counting their text, and check no limits.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, Kind, OperationTypeNode, type DocumentNode, type GraphQLSchema } from 'graphql';
import { RefusedOperation, type DocumentReader } from '../services/documents/document-reader.js';
import { ERROR_STATUS, PublicError } from '../kernel/vocabulary/errors.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { MOST_COST } from '../services/limits/cost.js';
import { limitOperation } from '../services/limits/operation-limits.js';

/** Replaces a refused document: Apollo Server continues with it until `didResolveOperation`. */
const NOTHING: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/**
 * Parses the document of each request, refuses operations that may not be executed, and adds the cost to every answer.
 *
 * Apollo Server must have no document store and no validation; it does not parse when there is a document.
 */
export const readDocuments = (
  reader: DocumentReader,
  schema: GraphQLSchema,
): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart() {
    let refused: readonly GraphQLError[] = [];
    let requested: number | undefined;
    return {
      async didResolveSource(request) {
        try {
          // Apollo Server reads it from here: requestPipeline.js.
          (request as { document?: DocumentNode }).document = reader.read(request.source);
        } catch (error) {
          if (!(error instanceof RefusedOperation)) throw error;
          refused = error.errors;
          (request as { document?: DocumentNode }).document = NOTHING;
        }
      },
      async didResolveOperation({ document, operation, request }) {
        const [first] = refused;
        if (first) throw withStatus(400, first);
        if (!operation) return;
        if (operation.operation === OperationTypeNode.SUBSCRIPTION) throw withStatus(400, overWebsocket());
        try {
          requested = limitOperation(schema, document, operation, request.variables ?? {});
        } catch (error) {
          const status = error instanceof PublicError ? ERROR_STATUS[error.code] : 400;
          throw error instanceof GraphQLError ? withStatus(status, error) : error;
        }
      },
      async willSendResponse({ response: { body } }) {
        if (body.kind !== 'single') return;
        // Apollo Server has already added the first.
        if (refused.length > 1) body.singleResult.errors = refused.map((error) => error.toJSON());
        if (requested === undefined) return;
        const { extensions } = body.singleResult;
        body.singleResult.extensions = { ...extensions, cost: { requested, limit: MOST_COST } };
      },
    };
  },
});

const overWebsocket = () =>
  new PublicError('BAD_REQUEST', 'Subscriptions are answered over WebSocket, at the same path.');

/** The error, with the HTTP status for Apollo Server, which is not sent to the client. */
function withStatus(status: number, { message, locations, extensions }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { extensions: { ...extensions, http: { status } } });
  return Object.assign(error, locations && { locations });
}

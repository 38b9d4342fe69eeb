/**
 * The steps between the text of a request's document and its execution: parsing, validation, selecting the operation,
 * its limits, and the budget of its tenant. Apollo's own steps would cache documents without counting their text, and
 * check no limits.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { RefusedOperation, type DocumentReader } from '../services/documents/document-reader.js';
import { ERROR_STATUS, PublicError } from '../kernel/vocabulary/errors.js';
import { actualCost } from '../services/limits/actual-cost.js';
import type { CostReport } from '../services/rates/cost-reservation.js';
import { limitOperation, unseenCost } from '../services/limits/operation-limits.js';
import type { Budget, DoorContext } from './door.js';

/** Replaces a refused document: Apollo Server continues with it until `didResolveOperation`. */
const NOTHING: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/**
 * Parses the document of each request, refuses operations that may not be executed, takes their cost from the caller's
 * budget, gives back what they have not cost, and adds the cost to every answer.
 *
 * Apollo Server must have no document store and no validation; it does not parse when there is a document.
 */
export const readDocuments = <Context extends DoorContext>(
  reader: DocumentReader,
  schema: GraphQLSchema,
  budgetOf: (context: Context) => Budget,
): ApolloServerPlugin<Context> => ({
  async requestDidStart() {
    let refused: readonly GraphQLError[] = [];
    /** The cost of the executed operation, by the number of values in its answer. */
    let costOf: ((actual: number) => Partial<CostReport>) | undefined;
    return {
      async didResolveSource(request) {
        const step = request.contextValue.usage.trace?.child('read document');
        try {
          // Apollo Server reads it from here: requestPipeline.js.
          (request as { document?: DocumentNode }).document = reader.read(request.source);
        } catch (error) {
          if (!(error instanceof RefusedOperation)) throw error;
          refused = error.errors;
          (request as { document?: DocumentNode }).document = NOTHING;
        } finally {
          step?.end(refused.length > 0 ? 'GRAPHQL_VALIDATION_FAILED' : undefined);
        }
      },
      async didResolveOperation({ document, operation, request, contextValue }) {
        const [first] = refused;
        if (first) throw withStatus(400, first);
        if (!operation) return;
        contextValue.usage.operation = operation.name?.value;
        if (operation.operation === OperationTypeNode.SUBSCRIPTION) throw withStatus(400, overWebsocket());
        try {
          const { mostCost, reserve } = budgetOf(contextValue);
          const requested = limitOperation(schema, document, operation, request.variables ?? {}, mostCost);
          if (!reserve) {
            costOf = (actual) => ({ requested, actual: Math.min(actual, requested), limit: mostCost });
            return;
          }
          const reserving = reserve(requested);
          const reservation = reserving instanceof Promise ? await reserving : reserving;
          costOf = (actual) => reservation.settle(actual);
        } catch (error) {
          const status = error instanceof PublicError ? ERROR_STATUS[error.code] : 400;
          throw error instanceof GraphQLError ? withStatus(status, error) : error;
        }
      },
      async willSendResponse({ response: { body }, document, operation, request, contextValue }) {
        if (body.kind !== 'single') return;
        const { usage } = contextValue;
        // Apollo Server has already added the first.
        if (refused.length > 1) body.singleResult.errors = refused.map((error) => error.toJSON());
        usage.codes = codesOf(body.singleResult.errors);
        if (!costOf || !document || !operation) return;
        const { extensions } = body.singleResult;
        const unseen = unseenCost(schema, document, operation, request.variables ?? {});
        const cost = costOf(actualCost(operation, body.singleResult, unseen));
        body.singleResult.extensions = { ...extensions, cost };
        usage.cost = cost.actual;
      },
    };
  },
});

/** The codes of an answer's errors, each once. */
const codesOf = (errors: readonly GraphQLFormattedError[] = []): string[] => [
  ...new Set(errors.map(({ extensions }) => String(extensions?.['code']))),
];

const overWebsocket = () =>
  new PublicError('BAD_REQUEST', 'Subscriptions are answered over WebSocket, at the same path.');

/** The error, with the HTTP status for Apollo Server, which is not sent to the client. */
function withStatus(status: number, { message, locations, extensions }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { extensions: { ...extensions, http: { status } } });
  return Object.assign(error, locations && { locations });
}

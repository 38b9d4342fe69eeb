/** The limits of documents that the configuration sets: `MAX_DOCUMENT_TOKENS`, `MAX_DEPTH` and `MAX_ALIASES`. */
import type { GraphQLSchema } from 'graphql';

export interface DocumentLimits {
  /** The most tokens of a document. */
  readonly tokens: number;
  /** The most levels of fields of an operation, without introspection. */
  readonly depth: number;
  /** The most aliases of an operation. */
  readonly aliases: number;
}

/** Far more than a page of a dashboard needs, far less than would keep a server busy. */
export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = { tokens: 2_000, depth: 20, aliases: 50 };

const limitsOf = new WeakMap<GraphQLSchema, DocumentLimits>();

/** Makes these the limits of all documents for the schema, wherever one is read. */
export function limitDocuments(schema: GraphQLSchema, limits: DocumentLimits): void {
  limitsOf.set(schema, limits);
}

/** The limits of documents for the schema; {@link DEFAULT_DOCUMENT_LIMITS} when it has none of its own. */
export const documentLimitsOf = (schema: GraphQLSchema): DocumentLimits =>
  limitsOf.get(schema) ?? DEFAULT_DOCUMENT_LIMITS;

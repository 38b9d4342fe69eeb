/** Parses and validates documents, and caches them by their text, for HTTP and WebSocket. */
import { GraphQLError, type DocumentNode, type GraphQLSchema } from 'graphql';
import { LRUCache } from 'lru-cache';
import { problemsOf } from '../limits/document-rules.js';
import { parseDocument, type ParsedDocument } from '../../kernel/graphql/parse-document.js';
import { documentLimitsOf } from '../../kernel/vocabulary/document-limits.js';

/** The limit of the cache: all documents with the data that belongs to them. */
export const KEPT_DOCUMENT_BYTES = 32 * 1024 * 1024;

/** An operation was refused for these reasons; each has its code in `extensions`. */
export class RefusedOperation extends Error {
  override readonly name = 'RefusedOperation';

  constructor(readonly errors: readonly GraphQLError[]) {
    super('the operation is not accepted');
  }
}

export interface DocumentReaderOptions {
  readonly schema: GraphQLSchema;
  /** Removes suggestions of similar names of the schema from messages. */
  readonly hideSuggestions: boolean;
}

export class DocumentReader {
  readonly hideSuggestions: boolean;
  readonly #schema: GraphQLSchema;
  readonly #kept = new LRUCache<string, ParsedDocument>({
    maxSize: KEPT_DOCUMENT_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });

  constructor({ schema, hideSuggestions }: DocumentReaderOptions) {
    this.#schema = schema;
    this.hideSuggestions = hideSuggestions;
  }

  /**
   * The valid document of this text. While it is cached, the same text gives the same object, so that results can be
   * stored for it in a WeakMap. Does not check the cost of its operations: see `limitOperation`.
   *
   * @throws RefusedOperation
   */
  read(text: string): DocumentNode {
    const known = this.#kept.get(text);
    if (known) return known.document;
    const parsed = this.#parse(text);
    const problems = problemsOf(this.#schema, parsed.document, this.hideSuggestions);
    if (problems.length > 0) throw new RefusedOperation(problems.map(withCode('GRAPHQL_VALIDATION_FAILED')));
    this.#kept.set(text, parsed);
    return parsed.document;
  }

  /** The size of the cached documents, in bytes. */
  get keptBytes(): number {
    return this.#kept.calculatedSize;
  }

  #parse(text: string): ParsedDocument {
    try {
      return parseDocument(text, documentLimitsOf(this.#schema).tokens);
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      throw new RefusedOperation([withCode('GRAPHQL_PARSE_FAILED')(error)]);
    }
  }
}

const withCode =
  (code: string) =>
  (error: GraphQLError): GraphQLError => {
    error.extensions['code'] ??= code;
    return error;
  };

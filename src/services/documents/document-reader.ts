/**
 * Documents as they are executed: parsed, validated, and kept for those who send the same text again, over HTTP and over
 * WebSocket alike.
 */
import { GraphQLError, type DocumentNode, type GraphQLSchema } from 'graphql';
import { LRUCache } from 'lru-cache';
import { problemsOf } from '../limits/document-rules.js';
import { parseDocument, type ParsedDocument } from '../../kernel/graphql/parse-document.js';

/** Of all documents that are kept together, what belongs to them included. */
export const KEPT_DOCUMENT_BYTES = 32 * 1024 * 1024;

/** An operation is not accepted, for these reasons; each has its code in `extensions`. */
export class RefusedOperation extends Error {
  override readonly name = 'RefusedOperation';

  constructor(readonly errors: readonly GraphQLError[]) {
    super('the operation is not accepted');
  }
}

export interface DocumentReaderOptions {
  readonly schema: GraphQLSchema;
  /** Leaves out of messages which names of the schema are like one that does not exist. */
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
   * The valid document of this text. The same text gives the same object while it is kept, so that what is found out
   * about it can be remembered with it (in a WeakMap). What its operations would cost is not looked at: `limitOperation`.
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

  /** What the kept documents take, in bytes. */
  get keptBytes(): number {
    return this.#kept.calculatedSize;
  }

  #parse(text: string): ParsedDocument {
    try {
      return parseDocument(text);
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

/** Parses a document, and checks the limits of its text. */
import { createRequire } from 'node:module';
import { GraphQLError, TokenKind, type DocumentNode, type NameNode, type Token } from 'graphql';
import type * as Parsing from 'graphql/language/parser.js';
import { setLocation } from './locations.js';

/** In characters, for up to 2,048 tokens: see {@link longestDocument}. */
export const LONGEST_DOCUMENT = 64 * 1024;

/** Long names, one per indented line, have fewer. */
const CHARACTERS_PER_TOKEN = 32;

/** The most characters of a document that may have this many tokens, so that a document reaches the limit of tokens first. */
export const longestDocument = (mostTokens: number): number =>
  Math.max(LONGEST_DOCUMENT, CHARACTERS_PER_TOKEN * mostTokens);

/** In characters. Errors repeat names, one name many times. */
export const LONGEST_NAME = 255;

/** A parsed document. Its nodes have no `loc`: see locations.ts. */
export interface ParsedDocument {
  readonly document: DocumentNode;
  /** Its memory: see {@link bytesOf}. */
  readonly bytes: number;
}

/**
 * The most memory of a node, with its lists, location and measurements, and of a document in addition. Texts count two
 * bytes per character. A test compares this with the growth of the heap.
 */
const BYTES_PER_NODE = 400;
const BYTES_PER_DOCUMENT = 4 * 1024;

const sizes = new WeakMap<DocumentNode, number>();

/** The memory of a document of {@link parseDocument} including its text, in bytes; 0 for any other. */
export const bytesOf = (document: DocumentNode): number => sizes.get(document) ?? 0;

/**
 * @param mostTokens the most tokens that the document may have
 * @throws GraphQLError for a text that is too long, has too many tokens (the limit is in `extensions.limit`), too long
 * names, or is not GraphQL
 */
export function parseDocument(text: string, mostTokens: number): ParsedDocument {
  const mostCharacters = longestDocument(mostTokens);
  if (text.length > mostCharacters) throw tooLong(mostCharacters, 'characters');
  const parser = new CountingParser(text, mostTokens);
  const document = parser.parseDocument();
  // Its names are slices, which keep the whole text in memory.
  const bytes = 2 * text.length + parser.nodes * BYTES_PER_NODE + BYTES_PER_DOCUMENT;
  sizes.set(document, bytes);
  return { document, bytes };
}

const tooLong = (limit: number, unit: 'characters' | 'tokens') =>
  new GraphQLError(`Syntax Error: The document has more than ${limit} ${unit}.`, { extensions: { limit } });

// The package also has an ES module, which Node does not use for `graphql`: two copies do not work together.
const { Parser } = createRequire(import.meta.url)('graphql/language/parser.js') as typeof Parsing;

class CountingParser extends Parser {
  nodes = 0;
  #tokens = 0;
  readonly #mostTokens: number;

  constructor(text: string, mostTokens: number) {
    super(text);
    this.#mostTokens = mostTokens;
  }

  // The message of graphql-js for this names neither the limit nor that it is one of the server.
  override advanceLexer(): void {
    const { kind } = this._lexer.advance();
    if (kind !== TokenKind.EOF && ++this.#tokens > this.#mostTokens)
      throw tooLong(this.#mostTokens, 'tokens');
  }

  override parseName(): NameNode {
    const name = super.parseName();
    if (name.value.length <= LONGEST_NAME) return name;
    throw new GraphQLError(`Syntax Error: A name has more than ${LONGEST_NAME} characters.`);
  }

  override node<Node extends object>(startToken: Token, node: Node): Node {
    this.nodes++;
    setLocation(node, startToken);
    return node;
  }
}

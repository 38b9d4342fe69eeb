/** Parses a document within the limits of its text. */
import { createRequire } from 'node:module';
import { GraphQLError, type DocumentNode, type NameNode, type Token } from 'graphql';
import type * as Parsing from 'graphql/language/parser.js';
import { setLocation } from './locations.js';

/** Characters of a document: a document of {@link MOST_TOKENS} tokens with long names, one a line, indented, has fewer. */
export const LONGEST_DOCUMENT = 64 * 1024;
/** Tokens of a document: far more than a page of a dashboard needs, far less than it takes to keep a parser busy. */
export const MOST_TOKENS = 2_000;

/** Characters of a name. Errors repeat names, one name many times. */
export const LONGEST_NAME = 255;

/** A parsed document. Its nodes have no `loc`: see locations.ts. */
export interface ParsedDocument {
  readonly document: DocumentNode;
  /** Of memory that it takes: see {@link bytesOf}. */
  readonly bytes: number;
}

/**
 * Of memory, at the most: for a node with its lists and its location, and what is measured and remembered of it; and for
 * a document beside. Texts are counted with two bytes a character. Tested by what the heap really grows by.
 */
const BYTES_PER_NODE = 400;
const BYTES_PER_DOCUMENT = 4 * 1024;

const sizes = new WeakMap<DocumentNode, number>();

/** What a document of {@link parseDocument} takes of memory, its text included, in bytes; 0 for any other. */
export const bytesOf = (document: DocumentNode): number => sizes.get(document) ?? 0;

/** @throws GraphQLError for a text that is too long, has too many tokens, too long names, or is not GraphQL */
export function parseDocument(text: string): ParsedDocument {
  if (text.length > LONGEST_DOCUMENT) {
    throw new GraphQLError(`Syntax Error: The document has more than ${LONGEST_DOCUMENT} characters.`);
  }
  const parser = new CountingParser(text, { maxLexicalTokens: MOST_TOKENS });
  const document = parser.parseDocument();
  // Its names are slices, which keep the whole text.
  const bytes = 2 * text.length + parser.nodes * BYTES_PER_NODE + BYTES_PER_DOCUMENT;
  sizes.set(document, bytes);
  return { document, bytes };
}

// The package has a copy as an ES module, which Node does not use for `graphql`: two copies do not work together.
const { Parser } = createRequire(import.meta.url)('graphql/language/parser.js') as typeof Parsing;

class CountingParser extends Parser {
  nodes = 0;

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

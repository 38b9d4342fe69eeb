/** Parses a document, and checks the limits of its text. */
import { createRequire } from 'node:module';
import { GraphQLError, type DocumentNode, type NameNode, type Token } from 'graphql';
import type * as Parsing from 'graphql/language/parser.js';
import { setLocation } from './locations.js';

/** In characters. A document of {@link MOST_TOKENS} tokens with long names, one per indented line, has fewer. */
export const LONGEST_DOCUMENT = 64 * 1024;
/** Far more tokens than a page of a dashboard needs, far fewer than would keep a parser busy. */
export const MOST_TOKENS = 2_000;

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

/** @throws GraphQLError for a text that is too long, has too many tokens, too long names, or is not GraphQL */
export function parseDocument(text: string): ParsedDocument {
  if (text.length > LONGEST_DOCUMENT) {
    throw new GraphQLError(`Syntax Error: The document has more than ${LONGEST_DOCUMENT} characters.`);
  }
  const parser = new CountingParser(text, { maxLexicalTokens: MOST_TOKENS });
  const document = parser.parseDocument();
  // Its names are slices, which keep the whole text in memory.
  const bytes = 2 * text.length + parser.nodes * BYTES_PER_NODE + BYTES_PER_DOCUMENT;
  sizes.set(document, bytes);
  return { document, bytes };
}

// The package also has an ES module, which Node does not use for `graphql`: two copies do not work together.
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

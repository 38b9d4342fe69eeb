/** Parses a document within the limits of its text. */
import { createRequire } from 'node:module';
import { GraphQLError, type DocumentNode, type Token } from 'graphql';
import type * as Parsing from 'graphql/language/parser.js';
import { setLocation } from './locations.js';

/** Characters of a document: a document of {@link MOST_TOKENS} tokens with long names, one a line, indented, has fewer. */
export const LONGEST_DOCUMENT = 64 * 1024;
/** Tokens of a document: far more than a page of a dashboard needs, far less than it takes to keep a parser busy. */
export const MOST_TOKENS = 2_000;

/** A parsed document. Its nodes have no `loc`: see locations.ts. */
export interface ParsedDocument {
  readonly document: DocumentNode;
  /** How many nodes it consists of. */
  readonly nodes: number;
}

/** @throws GraphQLError for a text that is too long, has too many tokens, or is not GraphQL */
export function parseDocument(text: string): ParsedDocument {
  if (text.length > LONGEST_DOCUMENT) {
    throw new GraphQLError(`Syntax Error: The document has more than ${LONGEST_DOCUMENT} characters.`);
  }
  const parser = new CountingParser(text, { maxLexicalTokens: MOST_TOKENS });
  return { document: parser.parseDocument(), nodes: parser.nodes };
}

// The package has a copy as an ES module, which Node does not use for `graphql`: two copies do not work together.
const { Parser } = createRequire(import.meta.url)('graphql/language/parser.js') as typeof Parsing;

class CountingParser extends Parser {
  nodes = 0;

  override node<Node extends object>(startToken: Token, node: Node): Node {
    this.nodes++;
    setLocation(node, startToken);
    return node;
  }
}

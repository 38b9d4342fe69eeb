/**
 * Where the nodes of a document stand in its text. graphql-js keeps the text and its tokens for that, and counts the
 * lines before a node anew with each error: a thousand refused fields in a document of many lines would take seconds.
 * Here each node has its line and column from the parser, and neither text nor tokens are kept.
 */
import { visit, type ASTNode, type DocumentNode, type GraphQLError, type SourceLocation } from 'graphql';

const LOCATION = Symbol('location');

interface Located {
  [LOCATION]?: SourceLocation;
}

/** Notes where a node begins. */
export function setLocation(node: object, { line, column }: SourceLocation): void {
  (node as Located)[LOCATION] = { line, column };
}

/** Where a node of a document of {@link parseDocument} begins; undefined for any other node. */
export const locationOf = (node: ASTNode): SourceLocation | undefined => (node as Located)[LOCATION];

/** Gives errors that name nodes of a document, and have no locations yet, the locations of these nodes. */
export function locate(errors: readonly GraphQLError[] | undefined): void {
  for (const error of errors ?? []) {
    if (error.locations !== undefined || error.nodes === undefined) continue;
    const locations = error.nodes.flatMap((node) => locationOf(node) ?? []);
    if (locations.length > 0) Object.assign(error, { locations });
  }
}

/**
 * Does `work` on a document whose nodes have the `loc` from which graphql-jit reads where they begin: the first token.
 * Afterwards they have none again.
 */
export function withTokens<Result>(document: DocumentNode, work: () => Result): Result {
  const setTokens = (tokenOf: (location: SourceLocation) => unknown) =>
    visit(document, {
      enter(node) {
        const location = locationOf(node);
        if (location) Object.assign(node, { loc: tokenOf(location) });
      },
    });
  setTokens((location) => ({ startToken: location }));
  try {
    return work();
  } finally {
    setTokens(() => undefined);
  }
}

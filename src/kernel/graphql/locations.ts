/**
 * The positions of a document's nodes in its text. graphql-js keeps the text and tokens for this, and counts the lines
 * before a node again for each error: a thousand refused fields in a document of many lines would take seconds. Here
 * the parser stores line and column in each node, and neither text nor tokens are kept.
 */
import { visit, type ASTNode, type DocumentNode, type GraphQLError, type SourceLocation } from 'graphql';

const LOCATION = Symbol('location');

interface Located {
  [LOCATION]?: SourceLocation;
}

/** Stores where a node begins. */
export function setLocation(node: object, { line, column }: SourceLocation): void {
  (node as Located)[LOCATION] = { line, column };
}

/** Where a node of a document of {@link parseDocument} begins; undefined for any other node. */
export const locationOf = (node: ASTNode): SourceLocation | undefined => (node as Located)[LOCATION];

/** Adds locations to errors that have nodes of a document but no locations. */
export function locate(errors: readonly GraphQLError[] | undefined): void {
  for (const error of errors ?? []) {
    if (error.locations !== undefined || error.nodes === undefined) continue;
    const locations = error.nodes.flatMap((node) => locationOf(node) ?? []);
    if (locations.length > 0) Object.assign(error, { locations });
  }
}

/**
 * Runs `work` while the document's nodes have a `loc` with the first token, which graphql-jit needs for positions, and
 * removes it afterwards.
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

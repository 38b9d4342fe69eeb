/**
 * Finds introspection. It is answered from the caller's role schema, all other operations from the full schema. An
 * operation with both would need both schemas, and is refused.
 */
import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type DocumentNode,
  type FieldNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValidationContext,
} from 'graphql';
import { rootSelections, walkSelections, type Walk } from '../request/selections.js';

/** Refuses an operation with introspection and other fields, or with introspection below its root. */
export function introspectionStandsAlone(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const { atRoot, below } = fieldsOf(operation, {
        get: (name) => context.getFragment(name) ?? undefined,
      });
      const asksForData = atRoot.some(({ name }) => !name.value.startsWith('__'));
      const misplaced = below.find(asksForSchema) ?? (asksForData ? atRoot.find(asksForSchema) : undefined);
      if (!misplaced) return;
      const message = `Ask for ${misplaced.name.value} in an operation of its own, without other fields.`;
      context.reportError(new GraphQLError(message, { nodes: misplaced }));
    },
  };
}

/**
 * Whether an operation of a validated document has introspection, ignoring `@skip` and `@include`; false without an
 * operation.
 */
export const introspects = (
  document: DocumentNode,
  operation: OperationDefinitionNode | undefined,
): boolean => operation !== undefined && rootSelections(document, operation.selectionSet).some(asksForSchema);

const asksForSchema = (node: SelectionNode): boolean =>
  node.kind === Kind.FIELD && (node.name.value === '__schema' || node.name.value === '__type');

/** The fields of an operation including fragments; each fragment is visited once at the root and once below it. */
function fieldsOf(
  operation: OperationDefinitionNode,
  fragments: Walk<Level>['fragments'],
): Readonly<Record<Level, readonly FieldNode[]>> {
  const found = { atRoot: [] as FieldNode[], below: [] as FieldNode[] };
  const spread = { atRoot: new Set<string>(), below: new Set<string>() };
  const walk: Walk<Level> = {
    fragments,
    visit: (node, level) => {
      if (node.kind !== Kind.FIELD) return true;
      found[level].push(node);
      if (node.selectionSet) walkSelections(node.selectionSet, 'below', walk, spread.below);
      return true;
    },
    within: (_fragment, level) => level,
  };
  walkSelections(operation.selectionSet, 'atRoot', walk, spread.atRoot);
  return found;
}

type Level = 'atRoot' | 'below';

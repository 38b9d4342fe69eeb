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
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

type FragmentOf = (name: string) => FragmentDefinitionNode | null | undefined;

/** Refuses an operation with introspection and other fields, or with introspection below its root. */
export function introspectionStandsAlone(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const { atRoot, below } = fieldsOf(operation, (name) => context.getFragment(name));
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
export function introspects(document: DocumentNode, operation: OperationDefinitionNode | undefined): boolean {
  if (!operation) return false;
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  const fragmentOf: FragmentOf = (wanted) => fragments.find(({ name }) => name.value === wanted);
  return fieldsOf(operation, fragmentOf).atRoot.some(asksForSchema);
}

const asksForSchema = ({ name: { value } }: FieldNode) => value === '__schema' || value === '__type';

/** The fields of an operation including fragments; each fragment is visited once at the root and once below it. */
function fieldsOf(
  operation: OperationDefinitionNode,
  fragmentOf: FragmentOf,
): { readonly atRoot: readonly FieldNode[]; readonly below: readonly FieldNode[] } {
  const found = { atRoot: [] as FieldNode[], below: [] as FieldNode[] };
  const spread = { atRoot: new Set<string>(), below: new Set<string>() };
  const collect = ({ selections }: SelectionSetNode, level: 'atRoot' | 'below'): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        found[level].push(selection);
        if (selection.selectionSet) collect(selection.selectionSet, 'below');
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet, level);
      } else if (!spread[level].has(selection.name.value)) {
        spread[level].add(selection.name.value);
        const fragment = fragmentOf(selection.name.value);
        if (fragment) collect(fragment.selectionSet, level);
      }
    }
  };
  collect(operation.selectionSet, 'atRoot');
  return found;
}

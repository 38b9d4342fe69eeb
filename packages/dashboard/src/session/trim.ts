/**
 * `@needs(permission: USERS_MANAGE)` in a document: this part is for callers with that permission. It is left out for
 * others before the document is sent, so that nobody asks for what they may not read. A test shows that what is left is
 * valid in the schema of every role that may open the page.
 */
import { Kind, parse, visit, type DocumentNode, type OperationDefinitionNode } from '@0no-co/graphql.web';

/** @returns undefined when the whole operation needs a permission that is not held */
export function trimmed(text: string, holds: (permission: string) => boolean): DocumentNode | undefined {
  const used = new Set<string>();
  const document: DocumentNode = visit(parse(text, { noLocation: true }), {
    Field: withoutRefused,
    FragmentSpread: withoutRefused,
    InlineFragment: withoutRefused,
    OperationDefinition: (node: OperationDefinitionNode) => withoutRefused(node),
  });
  if (!document.definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION)) return undefined;
  // Variables of what was left out would be refused as unused.
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void used.add(name.value),
  });
  return visit(document, {
    VariableDefinition: ({ variable }) => (used.has(variable.name.value) ? undefined : null),
  });

  function withoutRefused<Node extends { readonly directives?: OperationDefinitionNode['directives'] }>(
    node: Node,
  ): Node | null | undefined {
    const needs = node.directives?.find(({ name }) => name.value === 'needs');
    if (!needs) return undefined;
    const [argument] = needs.arguments ?? [];
    if (argument?.value.kind !== Kind.ENUM || !holds(argument.value.value)) return null;
    return { ...node, directives: node.directives?.filter((directive) => directive !== needs) };
  }
}

/** Selects the definitions that a schema uses. */
import { isTypeDefinitionNode, Kind, parse, print, visit, type DefinitionNode } from 'graphql';

const WITH_FIELDS = ['interfaces', 'fields'] as const;

/** Where types are named: not in descriptions, names and directives, which are most nodes of a definition. */
const TYPED = {
  [Kind.OBJECT_TYPE_DEFINITION]: WITH_FIELDS,
  [Kind.OBJECT_TYPE_EXTENSION]: WITH_FIELDS,
  [Kind.INTERFACE_TYPE_DEFINITION]: WITH_FIELDS,
  [Kind.INTERFACE_TYPE_EXTENSION]: WITH_FIELDS,
  [Kind.INPUT_OBJECT_TYPE_DEFINITION]: ['fields'],
  [Kind.INPUT_OBJECT_TYPE_EXTENSION]: ['fields'],
  [Kind.UNION_TYPE_DEFINITION]: ['types'],
  [Kind.UNION_TYPE_EXTENSION]: ['types'],
  [Kind.DIRECTIVE_DEFINITION]: ['arguments'],
  [Kind.FIELD_DEFINITION]: ['arguments', 'type'],
  [Kind.INPUT_VALUE_DEFINITION]: ['type'],
  [Kind.NON_NULL_TYPE]: ['type'],
  [Kind.LIST_TYPE]: ['type'],
} as const;

/**
 * @param offered SDL of named types, each of which may be left out
 * @param using SDL of the schema that may use them
 * @returns the types that `using` uses, directly or through other offered types
 */
export function usedDefinitions(
  offered: string,
  using: readonly DefinitionNode[],
): { readonly names: readonly string[]; readonly sdl: string } {
  const definitions = new Map(
    parse(offered, { noLocation: true })
      .definitions.filter(isTypeDefinitionNode)
      .map((each) => [each.name.value, each]),
  );
  const used = new Map<string, DefinitionNode>();
  const open = namedIn(using);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const definition = definitions.get(name);
    if (!definition || used.has(name)) continue;
    used.set(name, definition);
    open.push(...namedIn([definition]));
  }
  // In the order of `offered`, so the order of modules does not matter.
  const kept = [...definitions].filter(([name]) => used.has(name));
  return {
    names: kept.map(([name]) => name),
    sdl: kept.map(([, definition]) => print(definition)).join('\n\n'),
  };
}

/** The types of fields, arguments and inputs. */
function namedIn(definitions: readonly DefinitionNode[]): string[] {
  const names: string[] = [];
  for (const definition of definitions) {
    visit(definition, { NamedType: ({ name }) => void names.push(name.value) }, TYPED);
  }
  return names;
}

/**
 * Refuses duplicate definitions. The tools that merge schemas silently use the last definition of a field or a
 * directive, so one module could replace the guards of another. GraphQL allows only one definition.
 */
import { Kind, type DefinitionNode, type DirectiveNode } from 'graphql';

/**
 * @param definitions the SDL of all modules
 * @throws Error when a field, a value of an enum or a directive is defined twice, or a type has the same directive twice
 */
export function refuseRedefinitions(definitions: readonly DefinitionNode[]): void {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const definition of definitions) {
    for (const name of definedIn(definition)) {
      if (seen.has(name)) twice.add(name);
      seen.add(name);
    }
  }
  if (twice.size === 0) return;
  throw new Error(`The modules define more than once: ${[...twice].join(', ')}`);
}

/** The coordinates of everything that a definition or an extension defines. */
function definedIn(definition: DefinitionNode): string[] {
  switch (definition.kind) {
    case Kind.DIRECTIVE_DEFINITION:
      return [`@${definition.name.value}`];
    case Kind.ENUM_TYPE_DEFINITION:
    case Kind.ENUM_TYPE_EXTENSION:
      return membersOf(definition.name.value, definition.directives, definition.values);
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.OBJECT_TYPE_EXTENSION:
    case Kind.INTERFACE_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_EXTENSION:
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
    case Kind.INPUT_OBJECT_TYPE_EXTENSION:
      return membersOf(definition.name.value, definition.directives, definition.fields);
    default:
      return [];
  }
}

const membersOf = (
  type: string,
  directives: readonly DirectiveNode[] = [],
  members: readonly { readonly name: { readonly value: string } }[] = [],
): string[] => [
  ...directives.map(({ name }) => `${type} @${name.value}`),
  ...members.map(({ name }) => `${type}.${name.value}`),
];

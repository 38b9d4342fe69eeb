/**
 * The way through the selections of a document. Whoever counts, compares or looks for fields says what to do with each; how
 * fragments are followed is the same for all: what a set has already of a fragment, another spread of it adds nothing to, as
 * in an execution.
 */
import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type InlineFragmentNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** The fragments that a document defines, by name. */
export function fragmentsOf({ definitions }: DocumentNode): Fragments {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  return fragments;
}

/** What is done on the way. A place is what is to be known of where a selection stands: its type, its depth. */
export interface Walk<Place> {
  readonly fragments: Pick<Fragments, 'get'>;
  /**
   * Called for each field, for each fragment that is written in its place and for each spread of one, the first or not. The
   * walk does not go below fields: whoever wants to, walks there.
   *
   * @returns false when enough is known: the rest of its set is passed over
   */
  visit(node: SelectionNode, place: Place): boolean;
  /** @returns the place of the fragment's own selections; undefined to pass over them */
  within(fragment: InlineFragmentNode | FragmentDefinitionNode, place: Place): Place | undefined;
}

/** @param spread the names of the fragments that the set has already; those that are met are added */
export function walkSelections<Place>(
  { selections }: SelectionSetNode,
  place: Place,
  walk: Walk<Place>,
  spread = new Set<string>(),
): void {
  for (const node of selections) {
    if (!walk.visit(node, place)) return;
    if (node.kind === Kind.FIELD) continue;
    const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : firstSpread(node, walk.fragments, spread);
    const below = fragment && walk.within(fragment, place);
    if (below !== undefined) walkSelections(fragment!.selectionSet, below, walk, spread);
  }
}

function firstSpread(
  { name: { value: name } }: FragmentSpreadNode,
  fragments: Walk<unknown>['fragments'],
  spread: Set<string>,
): FragmentDefinitionNode | undefined {
  if (spread.has(name)) return undefined;
  spread.add(name);
  return fragments.get(name);
}

/** What is selected at the root of an operation, its fragments and what they bring included. */
export function rootSelections(document: DocumentNode, set: SelectionSetNode): readonly SelectionNode[] {
  const found: SelectionNode[] = [];
  walkSelections(set, 'root', {
    fragments: fragmentsOf(document),
    visit: (node) => found.push(node) > 0,
    within: (_fragment, place) => place,
  });
  return found;
}

/**
 * Walks the selections of a document, for code that counts, compares or finds fields. Fragments are followed as in an
 * execution: a repeated spread of a fragment in the same set adds nothing.
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

/** The callbacks of a walk. A place describes the position of a selection, for example its type or depth. */
export interface Walk<Place> {
  readonly fragments: Pick<Fragments, 'get'>;
  /**
   * Called for each field, each inline fragment and each spread of a fragment, including repeated ones. The walk does
   * not enter the selections of fields; the callback may walk them.
   *
   * @returns false to skip the rest of the set
   */
  visit(node: SelectionNode, place: Place): boolean;
  /** @returns the place of the fragment's selections; undefined to skip them */
  within(fragment: InlineFragmentNode | FragmentDefinitionNode, place: Place): Place | undefined;
}

/** @param spread the names of the fragments that the set already contains; the walk adds those it finds */
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

/** The selections at the root of an operation, including its fragments and their selections. */
export function rootSelections(document: DocumentNode, set: SelectionSetNode): readonly SelectionNode[] {
  const found: SelectionNode[] = [];
  walkSelections(set, 'root', {
    fragments: fragmentsOf(document),
    visit: (node) => found.push(node) > 0,
    within: (_fragment, place) => place,
  });
  return found;
}

/**
 * Ids that carry their type, `conversation_0199e7a5-…`. An object must not be reached by an id that names another type: a
 * server that reads the UUID alone would answer rows behind the wrong guard.
 */
import type { Loot, LootValue } from './loot.js';

const TYPED = /^([A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*[_:])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Whether an id names the type of its object. */
export const carriesType = (id: string): boolean => TYPED.test(id);

/** An object as a router of Apollo Federation names it: by the type that its id carries, and the id. */
export function representationOf(id: string): { readonly __typename: string; readonly id: string } {
  const [, prefix = 'Node_'] = TYPED.exec(id) ?? [];
  const words = prefix.slice(0, -1).split('_');
  return { __typename: words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''), id };
}

/**
 * One of the victim's ids from each place, with the name of each other type before it. None for a server whose ids do not
 * carry their type.
 */
export function relabelled(victim: Loot, isUseful: (value: LootValue) => boolean): LootValue[] {
  const ids = victim.samples(['id'], isUseful).flatMap((loot) => {
    const [, prefix, uuid] = TYPED.exec(loot.value) ?? [];
    return prefix === undefined || uuid === undefined ? [] : [{ loot, prefix, uuid }];
  });
  const prefixes = [...new Set(ids.map(({ prefix }) => prefix))];
  return ids.flatMap(({ loot, prefix, uuid }) =>
    prefixes
      .filter((other) => other !== prefix)
      .map((other) => ({ ...loot, value: other + uuid, at: `${loot.at} as ${other}` })),
  );
}

/**
 * What a page is. Everything that depends on what a caller may do is decided by permissions: a page names those without
 * which it is not shown, and its documents name in `@needs` those of the parts that not everybody who opens it holds.
 */
import type { ComponentType } from 'react';
import type { CacheParts } from './session/cache.js';
import type { Permission } from './session/viewer.js';

/** The groups of the navigation, in their order. */
export const GROUPS = ['work', 'people', 'developers', 'trail', 'tenant'] as const;

export type Group = (typeof GROUPS)[number];

export interface Page<Permissions extends string = Permission, Groups extends string = Group> {
  /** Below the base of the pages: `/app`, or `/operator`. */
  readonly path: string;
  /** The name of the file with its documents: a test finds it by that. */
  readonly name: string;
  /** Its title in each language. */
  readonly title: Readonly<Record<'en' | 'de', string>>;
  /** Where the navigation has it; undefined for a page that others lead to. */
  readonly group: Groups | undefined;
  /** Without all of these, the page is neither listed nor opened. */
  readonly needs: readonly Permissions[];
  readonly load: () => Promise<{ readonly default: ComponentType }>;
  /** What the normalised cache must know for its documents. */
  readonly cache?: CacheParts;
}

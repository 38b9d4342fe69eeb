/**
 * Random requests of the users of two tenants. Ids, cursors and users are those of both tenants or do not exist. It
 * goes with src/example.
 */
import fc from 'fast-check';
import type { OrderField } from './example-isolation-model.js';

export const SLUGS = ['acme', 'globex'] as const;
export const ROLES = ['owner', 'admin', 'member', 'viewer'] as const;
export type Slug = (typeof SLUGS)[number];
export type Role = (typeof ROLES)[number];

/** The origin of an id, a cursor or a user id. `at` chooses one of those that exist. */
export interface Pick {
  readonly from: 'own' | 'other' | 'nowhere';
  readonly at: number;
}

export type Command = { readonly slug: Slug; readonly role: Role } & (
  | { readonly kind: 'create'; readonly text: number; readonly withSubject: boolean }
  | {
      readonly kind: 'update';
      readonly target: Pick;
      readonly text: number;
      readonly subject: 'keep' | 'set' | 'remove';
    }
  | { readonly kind: 'delete'; readonly target: Pick }
  | { readonly kind: 'post'; readonly target: Pick; readonly text: number }
  | { readonly kind: 'show'; readonly target: Pick; readonly first: number }
  | {
      readonly kind: 'list';
      readonly backward: boolean;
      readonly size: number | undefined;
      readonly after: Pick | undefined;
      readonly before: Pick | undefined;
      readonly field: OrderField;
      readonly direction: 'ASC' | 'DESC';
      readonly user: Pick | undefined;
      readonly search: 'own canary' | 'other canary' | 'text' | undefined;
      readonly text: number;
      readonly since: Pick | undefined;
      readonly until: Pick | undefined;
    }
  | { readonly kind: 'members'; readonly user: Pick | undefined }
  | { readonly kind: 'audit'; readonly target: Pick | undefined; readonly first: number }
  | { readonly kind: 'me' }
);

const pick = fc.record<Pick>({
  from: fc.constantFrom('own', 'own', 'other', 'other', 'nowhere'),
  at: fc.nat({ max: 9 }),
});
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const text = fc.nat({ max: 99 });
const who = { slug: fc.constantFrom(...SLUGS), role: fc.constantFrom(...ROLES) };
const kind = <const Kind extends Command['kind']>(name: Kind) => fc.constant(name);

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ...who, kind: kind('create'), text, withSubject: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...who,
      kind: kind('update'),
      target: pick,
      text,
      subject: fc.constantFrom('keep', 'set', 'remove'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ ...who, kind: kind('delete'), target: pick }) },
  { weight: 4, arbitrary: fc.record({ ...who, kind: kind('post'), target: pick, text }) },
  {
    weight: 4,
    arbitrary: fc.record({ ...who, kind: kind('show'), target: pick, first: fc.nat({ max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...who,
      kind: kind('list'),
      backward: fc.boolean(),
      size: maybe(fc.nat({ max: 4 })),
      after: maybe(pick),
      before: maybe(pick),
      field: fc.constantFrom<OrderField>('createdAt', 'updatedAt'),
      direction: fc.constantFrom('ASC', 'DESC'),
      user: maybe(pick),
      search: fc.constantFrom('own canary', 'other canary', 'text', undefined),
      text,
      since: maybe(pick),
      until: maybe(pick),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...who, kind: kind('members'), user: maybe(pick) }) },
  {
    weight: 2,
    arbitrary: fc.record({ ...who, kind: kind('audit'), target: maybe(pick), first: fc.nat({ max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ ...who, kind: kind('me') }) },
);

export type Of<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

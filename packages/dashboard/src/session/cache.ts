/** The normalised cache: what it knows of the schema beyond `__typename` and `id`. */
import {
  cacheExchange,
  type Cache,
  type CacheExchangeOpts,
  type UpdateResolver,
} from '@urql/exchange-graphcache';

/** What a page adds to the cache. */
export interface CacheParts {
  /** By the name of a mutation: the lists at the root that it adds to or takes from. They are read again. */
  readonly changes?: Readonly<Record<string, readonly string[]>>;
  /** By the name of a mutation: what else it changes. */
  readonly mutations?: Readonly<Record<string, UpdateResolver>>;
  readonly optimistic?: CacheExchangeOpts['optimistic'];
  readonly subscriptions?: Readonly<Record<string, UpdateResolver>>;
}

/** Has every list of these names read again where it is shown. Which objects are in it, the server knows. */
export function readAgain(cache: Cache, names: readonly string[]): void {
  for (const { fieldName, fieldKey } of cache.inspectFields('Query')) {
    if (names.includes(fieldName)) cache.invalidate('Query', fieldKey);
  }
}

/**
 * The exchange of one session. It is never used for another one.
 *
 * @param keyless types without an id: they belong to the object that has them
 */
export function createCache(
  parts: readonly CacheParts[],
  keyless: readonly string[],
): ReturnType<typeof cacheExchange> {
  const changes = Object.assign({}, ...parts.map((part) => part.changes)) as NonNullable<
    CacheParts['changes']
  >;
  return cacheExchange({
    keys: Object.fromEntries(keyless.map((name) => [name, () => null])),
    optimistic: Object.assign({}, ...parts.map((part) => part.optimistic)) as NonNullable<
      CacheExchangeOpts['optimistic']
    >,
    updates: {
      Mutation: {
        ...Object.fromEntries(
          Object.entries(changes).map(([mutation, lists]): [string, UpdateResolver] => [
            mutation,
            (_result, _arguments, cache) => readAgain(cache, lists),
          ]),
        ),
        ...(Object.assign({}, ...parts.map((part) => part.mutations)) as Record<string, UpdateResolver>),
      },
      Subscription: Object.assign({}, ...parts.map((part) => part.subscriptions)) as Record<
        string,
        UpdateResolver
      >,
    },
  });
}

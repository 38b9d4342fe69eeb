import DataLoader from 'dataloader';

/**
 * The batching loaders of one request. They live and die with it: a loader that outlived a request would answer one
 * caller from what another was allowed to see. They batch and do not cache, for a mutation may change what the one
 * before it has read.
 */
export class Loaders {
  private readonly byName = new Map<string, DataLoader<string, unknown>>();

  /**
   * Loads the value of `key` together with all other keys asked for in the same tick. `name` tells loaders apart: it
   * holds everything `batch` depends on beside the keys, such as the arguments of a field.
   *
   * @param batch answers for many keys at once; a key that is missing in the map loads as undefined.
   */
  load<Value>(
    name: string,
    key: string,
    batch: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  ): Promise<Value | undefined> {
    let loader = this.byName.get(name);
    if (!loader) {
      loader = new DataLoader(
        async (keys: readonly string[]) => {
          const found = await batch([...new Set(keys)]);
          return keys.map((wanted) => found.get(wanted));
        },
        { cache: false },
      );
      this.byName.set(name, loader);
    }
    return (loader as DataLoader<string, Value | undefined>).load(key);
  }
}

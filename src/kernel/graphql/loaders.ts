import DataLoader from 'dataloader';

/**
 * The batching loaders of one request. They must not outlive it: otherwise one caller could get data that only another
 * may see. They do not cache, because a mutation may change data that an earlier one has read.
 */
export class Loaders {
  private readonly byName = new Map<string, DataLoader<string, unknown>>();
  private readonly below = new Map<string, WeakMap<object, readonly unknown[]>>();

  /** Keeps rows of a list that were read together with its parent, this object. */
  keepBelow(list: string, parent: object, rows: readonly unknown[]): void {
    let parents = this.below.get(list);
    if (!parents) this.below.set(list, (parents = new WeakMap()));
    parents.set(parent, rows);
  }

  /** The rows of a list that were read together with this object; undefined when they were not. */
  rowsBelow(list: string, parent: object): readonly unknown[] | undefined {
    return this.below.get(list)?.get(parent);
  }

  /**
   * Loads the value of `key` together with all other keys requested in the same tick. `name` identifies the loader: it
   * must contain everything that `batch` depends on besides the keys, such as the arguments of a field.
   *
   * @param batch loads many keys at once; a key that is missing in the map loads as undefined
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

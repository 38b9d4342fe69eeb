/**
 * The highest cost of an operation: the number of values in its answer. It is computed once per document. Only page
 * sizes may be variables, so each request needs only a few multiplications.
 */

/** The most values in an answer: two nested lists of the largest page, with a few fields in each row. */
export const MOST_COST = 100_000;

/** Added for each root field of a mutation, because it writes rows and audit entries. */
export const MUTATION_COST = 10;
/** The assumed number of rows of a list that is not a connection. */
export const UNSIZED_LIST = 10;

/** The requested number of rows. */
export type PageSize = (variables: Variables) => number;

export type Variables = Readonly<Record<string, unknown>>;

/** The cost of a selection, or another number of its kind: a constant part, and lists whose length depends on variables. */
export class Cost {
  private fixed = 0;
  /** The part of `fixed` that the answer does not show. */
  private unseen = 0;
  private readonly lists: { readonly size: PageSize; readonly each: Cost }[] = [];

  /** Whether nothing was added. */
  get isEmpty(): boolean {
    return this.fixed === 0 && this.lists.length === 0;
  }

  add(values: number): void {
    this.fixed += values;
  }

  /** Adds what work costs that the answer does not show. */
  addUnseen(points: number): void {
    this.fixed += points;
    this.unseen += points;
  }

  /** Adds `each` once per row of the list. */
  addList(size: number | PageSize, each: Cost): void {
    if (typeof size === 'number') {
      this.fixed += size * each.fixed;
      this.unseen += size * each.unseen;
      if (each.lists.length === 0) return;
      const varying = new Cost();
      varying.lists.push(...each.lists);
      this.lists.push({ size: () => size, each: varying });
    } else {
      this.lists.push({ size, each });
    }
  }

  /** The cost with the client's variables, which are not validated yet. */
  of(variables: Variables): number {
    let cost = this.fixed;
    for (const { size, each } of this.lists) cost += size(variables) * each.of(variables);
    return cost;
  }

  /** The part of the cost for what the answer does not show. */
  unseenOf(variables: Variables): number {
    let cost = this.unseen;
    for (const { size, each } of this.lists) cost += size(variables) * each.unseenOf(variables);
    return cost;
  }

  /** The lowest cost for any variables. */
  get least(): number {
    return this.fixed;
  }
}

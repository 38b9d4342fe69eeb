/**
 * What an operation costs at the most: the values its answer may hold. The document says what is asked for once and
 * for all; only the sizes of pages may lie in variables, so that a request costs no more than a few multiplications.
 */

/** Values that an answer may hold: two nested lists of the largest page, with a handful of fields in each row. */
export const MOST_COST = 100_000;

/** Of each root field of a mutation, beside its answer: it writes, and what it writes is recorded. */
export const MUTATION_COST = 10;
/** How many rows a list that is no connection is taken to have. */
export const UNSIZED_LIST = 10;

/** How many rows are asked for. */
export type PageSize = (variables: Variables) => number;

export type Variables = Readonly<Record<string, unknown>>;

/** The cost of a selection: what does not depend on variables, and lists whose length does. */
export class Cost {
  private fixed = 0;
  private readonly lists: { readonly size: PageSize; readonly each: Cost }[] = [];

  add(values: number): void {
    this.fixed += values;
  }

  /** `each` as many times as the list has rows. */
  addList(size: number | PageSize, each: Cost): void {
    if (typeof size === 'number') {
      this.fixed += size * each.fixed;
      if (each.lists.length === 0) return;
      const varying = new Cost();
      varying.lists.push(...each.lists);
      this.lists.push({ size: () => size, each: varying });
    } else {
      this.lists.push({ size, each });
    }
  }

  /** With the variables as the client sent them, before they are checked. */
  of(variables: Variables): number {
    let cost = this.fixed;
    for (const { size, each } of this.lists) cost += size(variables) * each.of(variables);
    return cost;
  }

  /** Whatever the variables are, it is not less. */
  get least(): number {
    return this.fixed;
  }
}

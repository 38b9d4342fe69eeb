/** A binary heap whose items know their place, so that an item can move or leave in logarithmic time. */

export interface HeapItem {
  /** The index in the heap, which only the heap changes. -1 outside. */
  place: number;
}

export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];
  readonly #isBefore: (one: Item, other: Item) => boolean;

  constructor(isBefore: (one: Item, other: Item) => boolean) {
    this.#isBefore = isBefore;
  }

  /** The item that is before all others. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    this.#put(item, this.#items.length);
    this.#rise(item);
  }

  /** Must be called after a change of what `isBefore` compares. */
  reorder(item: Item): void {
    this.#rise(item);
    this.#sink(item);
  }

  delete(item: Item): void {
    const { place } = item;
    const last = this.#items.pop();
    item.place = -1;
    if (!last || last === item) return;
    this.#put(last, place);
    this.reorder(last);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }

  #rise(item: Item): void {
    while (item.place > 0) {
      const above = this.#items[(item.place - 1) >> 1]!;
      if (!this.#isBefore(item, above)) return;
      this.#swap(item, above);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const least = right && left && this.#isBefore(right, left) ? right : left;
      if (!least || !this.#isBefore(least, item)) return;
      this.#swap(item, least);
    }
  }

  #swap(one: Item, other: Item): void {
    const { place } = one;
    this.#put(one, other.place);
    this.#put(other, place);
  }
}

/**
 * What answers have at each place, so that two readings can be compared place by place: `Query.apiKeys.nodes.lastUsedAt`.
 * Values of rows are known by the row's id, so that one more row is no change of the others. An object without an id that has
 * only values, such as the use of a day, is one value.
 */
import { nameOf, type Path } from './operations.js';
import { dataOf, type Answer } from './wire.js';

/** The values, by the place and the row. */
export type Reading = ReadonlyMap<string, string>;

const SEPARATOR = '\n';

/** What the answers to these operations have. */
export function readingOf(answers: readonly { readonly path: Path; readonly answer: Answer }[]): Reading {
  const found = new Map<string, string[]>();
  const add = (place: string, row: string, value: unknown): void => {
    if (Array.isArray(value)) {
      for (const each of value) add(place, row, each);
    } else if (typeof value === 'object' && value !== null && !isOneValue(value)) {
      const { id } = value as { readonly id?: unknown };
      const own = typeof id === 'string' ? id : row;
      for (const [name, inner] of Object.entries(value)) add(`${place}.${name}`, own, inner);
    } else {
      const key = `${place}${SEPARATOR}${row}`;
      const known = found.get(key);
      if (known) known.push(JSON.stringify(value));
      else found.set(key, [JSON.stringify(value)]);
    }
  };
  for (const { path, answer } of answers) {
    add(nameOf(path), '', dataOf(answer)?.[path.steps[0]!.field.name]);
  }
  return new Map([...found].map(([key, values]) => [key, values.join()]));
}

const isOneValue = (value: object): boolean =>
  !('id' in value) && Object.values(value).every((inner) => typeof inner !== 'object' || inner === null);

/** The places whose values differ; a row that is in only one of them is a change of the place of its id. */
export function changesBetween(before: Reading, after: Reading): string[] {
  const rowsOf = (reading: Reading) => new Set([...reading.keys()].map((key) => key.split(SEPARATOR)[1]));
  const [rowsBefore, rowsAfter] = [rowsOf(before), rowsOf(after)];
  const places = new Set<string>();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(key) === after.get(key)) continue;
    const [place = '', row = ''] = key.split(SEPARATOR);
    const isKept = row === '' || (rowsBefore.has(row) && rowsAfter.has(row));
    places.add(isKept ? place : `${place.slice(0, place.lastIndexOf('.'))}.id`);
  }
  return [...places];
}

/**
 * Which places change by themselves: those that have changed while nobody did anything to them. Each is watched once, as
 * long as it may take.
 */
export class Restlessness {
  readonly restless = new Set<string>();
  readonly #steady = new Set<string>();

  /** The places of these that are not restless. */
  but = (places: readonly string[]): string[] => places.filter((place) => !this.restless.has(place));

  /**
   * @param again reads once more, after a pause, while nobody does anything but read
   * @returns the places of these that keep still
   */
  async steadyOf(
    changed: readonly string[],
    again: () => Promise<readonly string[]>,
    times: number,
  ): Promise<string[]> {
    const unknown = () => this.but(changed).filter((place) => !this.#steady.has(place));
    for (let n = 0; unknown().length > 0 && n < times; n++) {
      for (const place of await again()) if (changed.includes(place)) this.restless.add(place);
    }
    for (const place of unknown()) this.#steady.add(place);
    return this.but(changed);
  }

  /** The note for the report; undefined when there are none. */
  get note(): string | undefined {
    if (this.restless.size === 0) return undefined;
    const places = [...this.restless].sort().join(', ');
    return `changes at ${places}, because there something changes by itself as well`;
  }
}

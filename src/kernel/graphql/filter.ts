/** Converts filter inputs to Prisma conditions. Null and missing fields are no condition. */
import { badInput } from '../vocabulary/errors.js';
import { isStorable } from './input.js';

type Given<Value> = Value | null | undefined;

/** From `from` (inclusive) to `to` (exclusive), for times and days: a `DateTimeRange`, a `DateRange`. */
export const within = <Value>({
  from,
  to,
}: {
  readonly from?: Given<Value>;
  readonly to?: Given<Value>;
}): { gte?: Value; lt?: Value } => ({
  ...(from != null && { gte: from }),
  ...(to != null && { lt: to }),
});

/**
 * From `min` to `max` (both inclusive), for amounts: an `IntRange`, a `BigIntRange`, a `DecimalRange`, a `FloatRange`.
 */
export const between = <Value>({
  min,
  max,
}: {
  readonly min?: Given<Value>;
  readonly max?: Given<Value>;
}): { gte?: Value; lte?: Value } => ({
  ...(min != null && { gte: min }),
  ...(max != null && { lte: max }),
});

/** One of these values, for example of an enum. An empty list matches nothing. */
export const oneOf = <Value>(values: readonly Value[]): { in: Value[] } => ({
  in: limited(values),
});

interface TextFilterInput {
  readonly equals?: Given<string>;
  readonly in?: Given<readonly string[]>;
  readonly startsWith?: Given<string>;
  readonly contains?: Given<string>;
}

/**
 * A `TextFilter`. `%`, `_` and `\` are literal.
 *
 * @throws BAD_USER_INPUT for a text that no column can hold, and for more than 100 values
 */
export const matching = (filter: TextFilterInput) => ({
  ...(filter.equals != null && { equals: lookedFor(filter.equals) }),
  ...(filter.in != null && { in: limited(filter.in).map(lookedFor) }),
  ...(filter.startsWith != null && { startsWith: literal(lookedFor(filter.startsWith)) }),
  ...(filter.contains != null && { contains: literal(lookedFor(filter.contains)) }),
});

/**
 * For a column of a list of texts: it contains all of these.
 *
 * @throws BAD_USER_INPUT for a text that no column can hold, and for more than 100 values
 */
export const allOf = (texts: readonly string[]): { hasEvery: string[] } => ({
  hasEvery: limited(texts).map(lookedFor),
});

/** For a column of a list of texts: it contains at least one of these. An empty list matches nothing. */
export const anyOf = (texts: readonly string[]): { hasSome: string[] } => ({
  hasSome: limited(texts).map(lookedFor),
});

/** Escapes the text, because Prisma uses it as a pattern of LIKE. */
const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** Longer than any id, action or search term with a match. */
const LONGEST_FILTER_TEXT = 255;
const MOST_VALUES = 100;

function limited<Value>(values: readonly Value[]): Value[] {
  if (values.length > MOST_VALUES) throw badInput(`A filter takes at most ${MOST_VALUES} values.`, 'filter');
  return [...values];
}

function lookedFor(text: string): string {
  if (text.length > LONGEST_FILTER_TEXT) {
    throw badInput(`A filter takes texts of at most ${LONGEST_FILTER_TEXT} characters.`, 'filter');
  }
  if (!isStorable(text)) {
    throw badInput('A filter must not contain U+0000 or half a surrogate pair.', 'filter');
  }
  return text;
}

/**
 * Returns the filter if none of its texts is too long.
 *
 * @throws BAD_USER_INPUT with the path of the first that is too long, `filter.search`
 */
export function searchable<Filter extends object>(filter: Filter | null | undefined): Filter | undefined {
  for (const [name, value] of Object.entries(filter ?? {})) {
    if (typeof value === 'string' && value.length > LONGEST_FILTER_TEXT) {
      const field = `filter.${name}`;
      throw badInput(`${field} must have at most ${LONGEST_FILTER_TEXT} characters.`, field);
    }
  }
  return filter ?? undefined;
}

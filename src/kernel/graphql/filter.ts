import { badInput } from '../vocabulary/errors.js';
import type { DateTimeRange } from '../../generated/graphql.js';

/** A time range as a Prisma condition. */
export const within = ({ from, to }: DateTimeRange) => ({
  ...(from != null && { gte: from }),
  ...(to != null && { lt: to }),
});

/** Longer than any id, action or search term with a match. */
const LONGEST_FILTER_TEXT = 255;

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

import { badInput } from '../vocabulary/errors.js';
import type { DateTimeRange } from '../../generated/graphql.js';

/** A range of time as a Prisma condition. */
export const within = ({ from, to }: DateTimeRange) => ({
  ...(from != null && { gte: from }),
  ...(to != null && { lt: to }),
});

/** Longer than any id, action or search that has a match. */
const LONGEST_FILTER_TEXT = 255;

/**
 * The filter itself, if none of its texts is too long to be looked for.
 *
 * @throws BAD_USER_INPUT naming the first that is, `filter.search`
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

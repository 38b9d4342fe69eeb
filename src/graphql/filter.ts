import type { DateTimeRange } from '../generated/graphql.js';

/** A range of time as a Prisma condition. */
export const within = ({ from, to }: DateTimeRange) => ({
  ...(from != null && { gte: from }),
  ...(to != null && { lt: to }),
});

/** Text for Prisma's `contains`, `startsWith` and `endsWith`, which take %, _ and \\ for patterns. */
export const literally = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

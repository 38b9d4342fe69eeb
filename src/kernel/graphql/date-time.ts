import { GraphQLError, GraphQLScalarType } from 'graphql';
import { DateTimeResolver } from 'graphql-scalars';

/**
 * The scalar of graphql-scalars, but serialized to text, because JSON.stringify is slow for lists of dates. Inputs must
 * be in the years 1 to 9999 in UTC: `9999-12-31T23:00:00-05:00` is not.
 */
export const DateTime = new GraphQLScalarType({
  ...DateTimeResolver.toConfig(),
  serialize: (value) => isoTime(DateTimeResolver.serialize(value)),
  parseValue: (value) => inRange(DateTimeResolver.parseValue(value)),
  parseLiteral: (node, variables) => inRange(DateTimeResolver.parseLiteral(node, variables)),
});

const EARLIEST = Date.parse('0001-01-01T00:00:00Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Whether a time can be stored and read by all clients: PostgreSQL has no year 0, and texts have years of four digits.
 */
export const isTimeInRange = (time: Date): boolean => time.getTime() >= EARLIEST && time.getTime() <= LATEST;

function inRange(time: Date): Date {
  if (!isTimeInRange(time))
    throw new GraphQLError('DateTime cannot represent a time outside of the years 1 to 9999.');
  return time;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const padded = (length: number, digits: number) =>
  Array.from({ length }, (_value, number) => String(number).padStart(digits, '0'));
/** Precomputed texts of every minute of a day, second of a minute and millisecond of a second. */
const MINUTES = padded(24, 2).flatMap((hour) => padded(60, 2).map((minute) => `T${hour}:${minute}:`));
const SECONDS = padded(60, 2);
const MILLISECONDS = padded(1_000, 3).map((digits) => `.${digits}Z`);

let day = Number.NaN;
let date = '';

/** The same text as `toISOString`, built from precomputed parts. Times of a list are often on the same day. */
function isoTime(time: Date): string {
  const now = time.getTime();
  const itsDay = Math.floor(now / DAY_MS);
  if (itsDay !== day) {
    const text = time.toISOString();
    [date] = text.split('T') as [string];
    day = itsDay;
    return text;
  }
  const ofDay = now - day * DAY_MS;
  const minute = Math.floor(ofDay / MINUTE_MS);
  const ofMinute = ofDay - minute * MINUTE_MS;
  const second = Math.floor(ofMinute / 1_000);
  return date + MINUTES[minute]! + SECONDS[second]! + MILLISECONDS[ofMinute - second * 1_000]!;
}

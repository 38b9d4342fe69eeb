import { GraphQLScalarType } from 'graphql';
import { DateTimeResolver } from 'graphql-scalars';

/** The scalar of graphql-scalars, whose answers leave as text: lists of times are most of what JSON.stringify is slow at. */
export const DateTime = new GraphQLScalarType({
  ...DateTimeResolver.toConfig(),
  serialize: (value) => isoTime(DateTimeResolver.serialize(value)),
});

/** What `toISOString` answers. */
function isoTime(time: Date): string {
  const year = time.getUTCFullYear();
  if (year < 1000 || year > 9999) return time.toISOString();
  const date = `${String(year)}-${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())}`;
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  const thousandths = time.getUTCMilliseconds();
  return `${date}T${clock}.${thousandths < 100 ? '0' : ''}${two(thousandths)}Z`;
}

const two = (number: number): string => (number < 10 ? `0${String(number)}` : String(number));

import { GraphQLScalarType } from 'graphql';
import { DateTimeResolver } from 'graphql-scalars';

/** The scalar of graphql-scalars, whose answers leave as text: lists of times are most of what JSON.stringify is slow at. */
export const DateTime = new GraphQLScalarType({
  ...DateTimeResolver.toConfig(),
  serialize: (value) => isoTime(DateTimeResolver.serialize(value)),
});

/** The form of every time between the years 1000 and 9999. */
const text = Buffer.from('0000-00-00T00:00:00.000Z', 'latin1');

/** What `toISOString` answers, in a fraction of the time. */
function isoTime(time: Date): string {
  const year = time.getUTCFullYear();
  if (year < 1000 || year > 9999) return time.toISOString();
  writeTwo(0, Math.trunc(year / 100));
  writeTwo(2, year % 100);
  writeTwo(5, time.getUTCMonth() + 1);
  writeTwo(8, time.getUTCDate());
  writeTwo(11, time.getUTCHours());
  writeTwo(14, time.getUTCMinutes());
  writeTwo(17, time.getUTCSeconds());
  const thousandths = time.getUTCMilliseconds();
  text[20] = ZERO + Math.trunc(thousandths / 100);
  writeTwo(21, thousandths % 100);
  return text.toString('latin1');
}

const ZERO = 48;

function writeTwo(at: number, number: number): void {
  text[at] = ZERO + Math.trunc(number / 10);
  text[at + 1] = ZERO + (number % 10);
}

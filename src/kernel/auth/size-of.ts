/** Of an object, a list or a text beside its content, and of a number or the like, at the most. */
const BYTES_PER_VALUE = 64;

/**
 * About how much memory a value takes, in bytes: texts with two bytes a character, lists and objects by what is in them.
 * For plain data without circles, as caches keep it.
 */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_PER_VALUE + 2 * value.length;
  if (typeof value !== 'object' || value === null) return BYTES_PER_VALUE;
  let bytes = BYTES_PER_VALUE;
  for (const part of Object.values(value)) bytes += sizeOf(part);
  return bytes;
}

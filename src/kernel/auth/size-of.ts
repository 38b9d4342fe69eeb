/** The most bytes of an object, list or text without its content, or of a number and the like. */
const BYTES_PER_VALUE = 64;

/**
 * The approximate memory of a value, in bytes: texts with two bytes per character, lists and objects with their
 * content. For plain data without cycles.
 */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_PER_VALUE + 2 * value.length;
  if (typeof value !== 'object' || value === null) return BYTES_PER_VALUE;
  let bytes = BYTES_PER_VALUE;
  for (const part of Object.values(value)) bytes += sizeOf(part);
  return bytes;
}

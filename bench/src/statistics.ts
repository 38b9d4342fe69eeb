export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

/** The least and the greatest value. */
export const spread = (values: readonly number[]): readonly [number, number] => [
  Math.min(...values),
  Math.max(...values),
];

/** The bounds of the middle half of the values: the first and third quartile. */
export function middleHalf(values: readonly number[]): readonly [number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  const last = sorted.length - 1;
  return [sorted[Math.round(last / 4)]!, sorted[Math.round((3 * last) / 4)]!];
}

/** Rounds to four significant digits. The measurements are not more exact than that. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

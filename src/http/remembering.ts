/** The most texts whose values are remembered. Clients of one kind send the same headers, and there are few kinds. */
const MOST = 1_000;
/** Longer texts, which only an attacker sends, are not remembered. */
export const LONGEST_REMEMBERED = 200;

/**
 * Returns the function `of` with a memory, for short texts that nearly all requests repeat. Its memory is bounded: it is
 * emptied when it is full, and holds no long text.
 */
export function remembering<Value>(of: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = of(text);
    if (text.length > LONGEST_REMEMBERED) return value;
    if (known.size >= MOST) known.clear();
    known.set(text, value);
    return value;
  };
}

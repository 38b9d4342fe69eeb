/** The most texts whose values are remembered. Clients of one kind send the same headers, and there are few kinds. */
const MOST = 1_000;

/**
 * Returns the function `of` with a memory, for texts that nearly all requests repeat. Its memory is bounded: it is emptied
 * when it is full. Use it for short texts; Node limits the headers of a request.
 */
export function remembering<Value>(of: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = of(text);
    if (known.size >= MOST) known.clear();
    known.set(text, value);
    return value;
  };
}

/** What a server says of values that it refuses, so that the next ones fit: `input.plate must have at most 20 characters`. */
const LIMIT = /([A-Za-z_]\w*)(?:\.\d+)* must (?:have|contain) at most (\d+) (?:characters|digits before)/g;

/** The most characters of texts, and digits of numbers, by the field and the name of the input. */
export class Limits {
  private readonly most = new Map<string, number>();

  /** @returns whether the messages say something new */
  learn(field: string, messages: readonly string[]): boolean {
    const before = this.most.size;
    for (const [, name = '', most] of messages.join('\n').matchAll(LIMIT)) {
      const key = `${field} ${name}`;
      if (!this.most.has(key)) this.most.set(key, Number(most));
    }
    return this.most.size > before;
  }

  /** The end of a text, which is still unique, or of the digits of a number, with what has to follow. */
  fit(field: string, name: string, text: string, end = ''): string {
    const most = this.most.get(`${field} ${name}`);
    if (most === undefined || text.length + end.length <= most) return text + end;
    return most > end.length ? text.slice(end.length - most) + end : text.slice(-most);
  }
}

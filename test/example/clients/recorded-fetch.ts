/** A `fetch` that records requests, and loses answers when a test says so. */

export interface Recorded {
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface RecordedFetch {
  readonly fetch: typeof fetch;
  readonly sent: readonly Recorded[];
  /** Loses the next `answers` answers that contain this text. */
  readonly lose: (text: string, answers: number) => void;
}

export function recordedFetch(): RecordedFetch {
  const sent: Recorded[] = [];
  let losing = { text: '', answers: 0 };
  return {
    sent,
    lose: (text, answers) => {
      losing = { text, answers };
    },
    async fetch(input, init) {
      const body = init?.body;
      if (typeof body !== 'string') throw new Error('the body is no text');
      sent.push({ headers: new Headers(init?.headers), body: JSON.parse(body) as Recorded['body'] });
      const response = await fetch(input, init);
      if (losing.answers > 0 && (await response.clone().text()).includes(losing.text)) {
        losing.answers--;
        throw new TypeError('the answer was lost');
      }
      return response;
    },
  };
}

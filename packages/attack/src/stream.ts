/**
 * Subscribes as one of the tenants' users over server-sent events (graphql-sse, a connection for each operation), and
 * stores what arrives in the form of frames of graphql-ws.
 */
import { randomUUID } from 'node:crypto';
import { isRefusedForItsRate, type Asked, type Connection } from './asked.js';
import { until } from './socket.js';
import type { Credential, GraphqlRequest } from './wire.js';

/** The most subscriptions of a user: servers have limits, Tenantry's is 50. */
export const MOST_STREAMS = 40;

/** How long a server may take to begin an answer. */
const BEGINS_WITHIN_MS = 30_000;

const EVENT_STREAM = 'text/event-stream';

/** Where servers offer them, beside the endpoint: `/graphql/stream`. */
const streamsOf = (url: URL): string => `${url.href.replace(/\/$/, '')}/stream`;

export class Streams implements Connection {
  /** All that arrived. */
  readonly frames: string[] = [];
  readonly #url: string;
  readonly #as: Credential;
  readonly #end = new AbortController();
  #waiting = 0;
  /** By the id of the request. */
  readonly #begun = new Set<string>();
  readonly #failures = new Map<string, string>();

  constructor(url: URL, as: Credential) {
    this.#url = streamsOf(url);
    this.#as = as;
  }

  /** Whether the server offers event streams. @throws Error when it does not answer */
  static async areOffered(url: URL, as: Credential): Promise<boolean> {
    const end = new AbortController();
    try {
      const answer = await ask(streamsOf(url), as, { query: 'subscription { __typename }' }, end.signal);
      return answer.headers.get('content-type')?.startsWith(EVENT_STREAM) ?? false;
    } finally {
      end.abort();
    }
  }

  subscribe(request: GraphqlRequest): Asked {
    const id = randomUUID();
    const frames: string[] = [];
    const receive = (text: string) => {
      frames.push(text);
      this.frames.push(text);
    };
    this.#waiting++;
    void this.#read(id, request, receive).catch((error: unknown) => {
      if (!this.#end.signal.aborted) this.#failures.set(id, `the stream failed: ${String(error)}`);
    });
    return { id, frames };
  }

  failureOf({ id, frames }: Asked): string | undefined {
    if (isRefusedForItsRate(frames)) return 'the server refused it for its rate';
    return this.#failures.get(id) ?? (this.#begun.has(id) ? undefined : 'it was not answered in time');
  }

  /** Waits until the server has begun to answer all subscriptions. */
  async settle(): Promise<void> {
    await until(() => this.#waiting === 0, BEGINS_WITHIN_MS);
  }

  async close(): Promise<void> {
    this.#end.abort();
  }

  async #read(id: string, request: GraphqlRequest, receive: (frame: string) => void): Promise<void> {
    let answer: Response;
    try {
      answer = await ask(this.#url, this.#as, request, this.#end.signal);
    } finally {
      this.#waiting--;
    }
    this.#begun.add(id);
    if (!answer.headers.get('content-type')?.startsWith(EVENT_STREAM)) {
      receive(`refused ${String(answer.status)} ${await answer.text()}`);
      if (answer.status === 429 || answer.status >= 500)
        this.#failures.set(id, `it was answered ${String(answer.status)}`);
      return;
    }
    let rest = '';
    let isComplete = false as boolean;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = events.pop()!;
      for (const event of events) {
        const frame = frameOf(event);
        if (frame !== undefined) receive(frame);
        if (frame?.startsWith('{"type":"complete"')) isComplete = true;
      }
    }
    if (!isComplete) this.#failures.set(id, 'the stream has ended');
  }
}

/** An event as a frame of graphql-ws; undefined for a comment. */
export function frameOf(event: string): string | undefined {
  const [, type] = /^event: ?(.*)$/m.exec(event) ?? [];
  if (type === undefined) return undefined;
  const data = [...event.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line).join('\n');
  return data === '' ? `{"type":"${type}"}` : `{"type":"${type}","payload":${data}}`;
}

const ask = (
  url: string,
  { token }: Credential,
  { query, variables = {} }: GraphqlRequest,
  signal: AbortSignal,
): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      accept: EVENT_STREAM,
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query, variables }),
    signal,
  });

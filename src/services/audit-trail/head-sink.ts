/**
 * Takes the heads of trails out of the database, so that a trail that was cut off is noticed: to a file, one head in
 * each line, or to an HTTPS endpoint, which gets the same lines as the body of a POST.
 */
import { appendFile } from 'node:fs/promises';
import { Outgoing } from '../../kernel/outgoing/outgoing.js';
import { headJson, type Seal } from 'tenantry-verify';

export interface HeadSinkOptions {
  /** AUDIT_HEAD_SINK: an http or https URL, otherwise a path. */
  readonly target: string;
  /** Called when heads could not be delivered. They are delivered with the next ones. */
  readonly onFailure: (error: unknown) => void;
  /** The least time between two deliveries, in milliseconds. */
  readonly pauseMs?: number;
}

const PAUSE_MS = 5_000;
const WITHIN_MS = 5_000;

export class HeadSink {
  readonly #options: HeadSinkOptions;
  /** The newest undelivered head of each tenant. */
  readonly #waiting = new Map<string, Seal>();
  #timer: NodeJS.Timeout | undefined;
  #delivering: Promise<void> = Promise.resolve();

  constructor(options: HeadSinkOptions) {
    this.#options = options;
  }

  /** Delivers the head soon. */
  add(head: Seal): void {
    this.#waiting.set(head.tenant, head);
    this.#timer ??= setTimeout(() => void this.#deliver(), this.#options.pauseMs ?? PAUSE_MS).unref();
  }

  /** Delivers what is waiting. */
  async close(): Promise<void> {
    await this.#deliver();
  }

  #deliver(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return (this.#delivering = this.#delivering.then(() => this.#send()));
  }

  async #send(): Promise<void> {
    const heads = [...this.#waiting.values()];
    if (heads.length === 0) return;
    this.#waiting.clear();
    const lines = heads.map((head) => `${JSON.stringify(headJson(head))}\n`).join('');
    const { target, onFailure } = this.#options;
    try {
      await (isUrl(target) ? post(target, lines) : appendFile(target, lines, { mode: 0o600 }));
    } catch (error) {
      // A newer head that came meanwhile contains these.
      for (const head of heads) if (!this.#waiting.has(head.tenant)) this.add(head);
      onFailure(error);
    }
  }
}

/** Whether AUDIT_HEAD_SINK is a URL rather than a path. */
export const isUrl = (target: string): boolean => /^https?:\/\//i.test(target);

async function post(target: string, lines: string): Promise<void> {
  const url = new URL(target);
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = url.password = '';
  // The operator has chosen this host. Redirects are not followed: the heads are for this endpoint alone.
  const outgoing = new Outgoing({ allowed: [url.hostname] });
  const { status } = await outgoing.send({
    url: url.href,
    method: 'POST',
    body: lines,
    headers: {
      'content-type': 'application/x-ndjson',
      ...(login !== ':' && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    },
    withinMs: WITHIN_MS,
    answer: 'ignore',
    maxBytes: 1_024,
  });
  if (status < 200 || status > 299) throw new Error(`the endpoint answered ${String(status)}`);
}

/** Subscribes as one of the tenants' users (graphql-ws), and stores every received frame unchanged. */
import { randomUUID } from 'node:crypto';
import { createClient, type Client } from 'graphql-ws';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket, type RawData } from 'ws';
import { isRefusedForItsRate, type Asked, type Connection } from './asked.js';
import type { Credential, GraphqlRequest } from './wire.js';

/** The most subscriptions per connection: servers have limits, Tenantry's is 50. */
export const MOST_SUBSCRIPTIONS = 40;

const ANSWERED_WITHIN_MS = 30_000;

export class Socket implements Connection {
  /** The frames of the server; if it closed the connection, the last one is the close reason. */
  readonly frames: string[] = [];
  private readonly client: Client;
  private readonly framesOf = new Map<string, string[]>();
  private pongs = 0;
  private isSettled = false;
  private current: WebSocket | undefined;
  private nextId = '';

  constructor(url: URL, as: Credential) {
    const receive = (text: string) => this.receive(text);
    const opened = (socket: WebSocket) => (this.current = socket);
    this.client = createClient({
      url: url.href.replace(/^http/, 'ws'),
      connectionParams: { authorization: `Bearer ${as.token}` },
      retryAttempts: 0,
      // Otherwise a timer for an unused connection would keep the process running.
      lazy: false,
      onNonLazyError: () => undefined,
      generateID: () => this.nextId,
      webSocketImpl: class extends WebSocket {
        constructor(address: string, protocols: string[]) {
          super(address, protocols);
          opened(this);
          this.on('message', (data: RawData) => receive((data as Buffer).toString()));
          this.on('close', (code, reason) => receive(`closed ${String(code)} ${reason.toString()}`));
        }
      },
      on: { pong: () => this.pongs++ },
    });
  }

  subscribe(request: GraphqlRequest): Asked {
    const frames: string[] = [];
    // No number: an answer may contain it.
    const id = randomUUID();
    this.framesOf.set(id, frames);
    this.isSettled = false;
    // The client asks for it before `subscribe` returns.
    this.nextId = id;
    this.client.subscribe(
      { query: request.query!, variables: request.variables ?? null },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
    return { id, frames };
  }

  /**
   * Sends a query, and waits until it has been answered or 30 seconds have passed.
   *
   * @returns `failure`: why there is no answer
   */
  async ask(request: GraphqlRequest): Promise<Asked & { readonly failure: string | undefined }> {
    const asked = this.subscribe(request);
    const isAnswered = () => asked.frames.some((frame) => ['complete', 'error'].includes(typeOf(frame)));
    await until(() => isAnswered() || this.hasEnded, ANSWERED_WITHIN_MS);
    return { ...asked, failure: isAnswered() ? undefined : (this.ending ?? 'it was not answered in time') };
  }

  /** By the answer to a ping. */
  async settle(): Promise<void> {
    await until(() => this.current?.readyState === WebSocket.OPEN || this.hasEnded, ANSWERED_WITHIN_MS);
    const before = this.pongs;
    if (this.current?.readyState === WebSocket.OPEN) this.current.send('{"type":"ping"}');
    this.isSettled = await until(() => this.pongs > before || this.hasEnded, ANSWERED_WITHIN_MS);
  }

  failureOf({ frames }: Asked): string | undefined {
    if (isRefusedForItsRate(frames)) return 'the server refused it for its rate';
    // A subscription that was neither refused nor ended is in force, if the connection is.
    if (frames.length > 0) return undefined;
    return this.ending ?? (this.isSettled ? undefined : 'the server did not answer a ping in time');
  }

  async close(): Promise<void> {
    await this.client.dispose();
    this.client.terminate();
  }

  private get hasEnded(): boolean {
    return this.ending !== undefined;
  }

  private get ending(): string | undefined {
    const last = this.frames.at(-1);
    return last?.startsWith('closed ') ? `the connection was ${last.trim()}` : undefined;
  }

  private receive(text: string): void {
    this.frames.push(text);
    this.framesOf.get(String(read(text)?.['id']))?.push(text);
  }
}

/** The message in a frame; undefined for the reason of a closing. */
function read(frame: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(frame) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

const typeOf = (frame: string): string => String(read(frame)?.['type']);

/** @returns whether it answered in time */
export async function until(happened: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (!happened()) {
    if (Date.now() > deadline) return false;
    await wait(10);
  }
  return true;
}

/**
 * Whether a frame of graphql-ws brings an event of a subscription. An answer that has errors and no `data` is none: it
 * refuses the subscription, which has not begun. An event that fails has `data`, if only null.
 */
export function isEvent(frame: string): boolean {
  if (!frame.includes('"type":"next"')) return false;
  const { type, payload } = JSON.parse(frame) as { type?: unknown; payload?: object | null };
  return type === 'next' && !(payload && 'errors' in payload && !('data' in payload));
}

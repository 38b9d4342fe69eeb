/** Subscribes as one of the tenants' users (graphql-ws), and stores every received frame unchanged. */
import { createClient, type Client } from 'graphql-ws';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket, type RawData } from 'ws';
import type { Credential, GraphqlRequest } from './wire.js';

/** The most subscriptions per connection: servers have limits, Tenantry's is 50. */
export const MOST_SUBSCRIPTIONS = 40;

export class Socket {
  /** The frames of the server; if it closed the connection, the last one is the close reason. */
  readonly frames: string[] = [];
  private readonly client: Client;
  private readonly framesOf = new Map<string, string[]>();
  private pongs = 0;
  private current: WebSocket | undefined;
  private count = 0;

  constructor(url: URL, as: Credential) {
    const receive = (text: string) => this.receive(text);
    const opened = (socket: WebSocket) => (this.current = socket);
    this.client = createClient({
      url: url.href.replace(/^http/, 'ws'),
      connectionParams: { authorization: `Bearer ${as.token}` },
      retryAttempts: 0,
      lazyCloseTimeout: 600_000,
      generateID: () => String(++this.count),
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

  /** @returns the frames of this subscription; more may follow */
  subscribe(request: GraphqlRequest): readonly string[] {
    const frames: string[] = [];
    this.framesOf.set(String(this.count + 1), frames);
    this.client.subscribe(
      { query: request.query!, variables: request.variables ?? null },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
    return frames;
  }

  /** Waits until the server has handled all earlier messages, by the answer to a ping. */
  async settle(): Promise<void> {
    await until(() => this.current?.readyState === WebSocket.OPEN || this.hasEnded, 5_000);
    const before = this.pongs;
    this.current?.send('{"type":"ping"}');
    await until(() => this.pongs > before || this.hasEnded, 5_000);
  }

  async close(): Promise<void> {
    await this.client.dispose();
    this.client.terminate();
  }

  private get hasEnded(): boolean {
    return this.frames.at(-1)?.startsWith('closed ') ?? false;
  }

  private receive(text: string): void {
    this.frames.push(text);
    this.framesOf.get(/"id":"(\d+)"/.exec(text)?.[1] ?? '')?.push(text);
  }
}

/** @returns whether it answered in time */
export async function until(happened: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (!happened()) {
    if (Date.now() > deadline) return false;
    await wait(10);
  }
  return true;
}

/** Whether a frame of graphql-ws brings an event of a subscription. */
export const isEvent = (frame: string): boolean => frame.includes('"type":"next"');

/** Queries and mutations over a bare WebSocket. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { TestServer } from './server.js';
import { rawSocket, type RawSocket } from './subscriber.js';
import { until } from './until.js';

export interface SocketPayload {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: object;
  readonly extensions?: object;
}

export type SocketMessage = Readonly<Record<string, unknown>>;

export interface SocketClient extends RawSocket {
  /** Sends an operation, and waits for all messages about it. */
  ask(payload: SocketPayload): Promise<readonly SocketMessage[]>;
}

/** A client that has been let in. */
export async function socketClient(server: Pick<TestServer, 'url'>, token: string): Promise<SocketClient> {
  const raw = await rawSocket(server);
  raw.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  await until('the client is let in', () => raw.messages.length === 1);
  return Object.assign(raw, {
    async ask(payload: SocketPayload) {
      const id = randomUUID();
      raw.send({ type: 'subscribe', id, payload });
      const own = () => raw.messages.filter((message) => message['id'] === id);
      await until('it is answered', () => own().some(({ type }) => type !== 'next'));
      return own();
    },
  });
}

/** The answer. */
export const nextOf = (messages: readonly SocketMessage[]): unknown => messages[0]?.['payload'];

/** The errors of a refused operation. */
export function errorsOf(messages: readonly SocketMessage[]) {
  expect(messages).toMatchObject([{ type: 'error' }]);
  return messages[0]?.['payload'] as { message: string; extensions: Record<string, unknown> }[];
}

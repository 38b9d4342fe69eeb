/** Sends requests to a server through Apollo Server's HTTP layer and without it. */
import { ApolloServer } from '@apollo/server';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { modules } from '../../src/modules.js';
import { faultyModule, LISTED } from './faulty-server.js';
import { OPERATORS, operatorToken } from './operators.js';
import { rawPost } from './raw-request.js';
import { useServer } from './server.js';

export interface Sent {
  /** A text is sent as it is, everything else as JSON. */
  readonly body: unknown;
  readonly accept: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly door?: 'tenants' | 'operators';
}

/** Parts of an answer that are different each time. */
const CHANGING = /^(date|x-request-id|ratelimit|read-after|content-length)$/;

const LAYER = 'executeHTTPGraphQLRequest';

export const asks = (query: string, more: object = {}) => ({ query, ...more });

let kinds = 0;
/** A value of `Accept` that no request has had. The layer chooses the media type of the answers. */
export const newAccept = (type = 'application/json'): string => `${type}, x/kind-${String(++kinds)}`;

/** Call it at the top level. */
export function useBothWays() {
  const server = useServer({
    modules: [...modules, faultyModule],
    env: { ...OPERATORS, CORS_ORIGINS: LISTED, MAX_ANSWER_BYTES: '200000' },
  });

  /** The requests that went through the layer since the last test began. */
  const throughLayer = { count: 0 };
  const layer = Object.getOwnPropertyDescriptor(ApolloServer.prototype, LAYER)!;
  beforeAll(() => {
    const value = function (this: ApolloServer, ...args: unknown[]): unknown {
      throughLayer.count++;
      return (layer.value as (...args: unknown[]) => unknown).apply(this, args);
    };
    Object.defineProperty(ApolloServer.prototype, LAYER, { ...layer, value });
  });
  afterAll(() => {
    Object.defineProperty(ApolloServer.prototype, LAYER, layer);
  });
  beforeEach(() => {
    throughLayer.count = 0;
  });

  async function send({ body, accept, headers = {}, door = 'tenants' }: Sent) {
    const token = door === 'tenants' ? (await server().as('viewer', 'acme')).token : operatorToken();
    const path = door === 'tenants' ? '/graphql' : '/operator/graphql';
    const answer = await rawPost(`${server().url}${path}`, {
      authorization: `Bearer ${token}`,
      headers: { accept, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !CHANGING.test(name))),
      body: answer.text
        .replace(/"requestId":"[^"]*"/g, '"requestId":"…"')
        .replace(/"throttle":\{[^}]*\}/g, '"throttle":{}'),
    };
  }

  /** Sends a request through the layer, and then without it. */
  async function sendBothWays(sent: Omit<Sent, 'accept'>, before = (): void => undefined) {
    const accept = newAccept();
    throughLayer.count = 0;
    before();
    const inFull = await send({ ...sent, accept });
    expect(throughLayer.count).toBe(1);
    // The media type is remembered after an answer with the status 200.
    await send({ door: sent.door ?? 'tenants', body: asks('{ __typename }'), accept });
    throughLayer.count = 0;
    before();
    const plain = await send({ ...sent, accept });
    expect(throughLayer.count).toBe(0);
    return { inFull, plain };
  }

  return { server, send, sendBothWays, throughLayer };
}

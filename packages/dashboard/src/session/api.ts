/**
 * The client of one session: of one user in one tenant. A switch of the tenant, a sign-out and a loss of access each end it,
 * with everything that it has read; nothing is taken over by the next one.
 */
import {
  Client,
  fetchExchange,
  makeOperation,
  mapExchange,
  subscriptionExchange,
  type Operation,
} from '@urql/core';
import { createClient, type Sink } from 'graphql-ws';
import { createCache, type CacheParts } from './cache.js';
import type { Session } from './session.js';

/** Why a session has ended against the user's will: a code of docs/errors.md. */
export interface Ending {
  readonly code: string;
  /** Why the tenant is suspended, if an operator has said so. */
  readonly reason?: string | undefined;
}

export interface Api {
  readonly client: Client;
  /** Has everything that is shown read again. */
  refresh(): void;
  close(): void;
}

const PATH = '/graphql';
/** Types without an id: they belong to the object that has them. */
const KEYLESS = [
  'RolePermissions',
  'FieldAccess',
  'ResourceUsage',
  'Plan',
  'Setting',
  'AuditVerification',
  'BrokenAuditEntry',
];
/** Between attempts to connect: up to half a second at first, twice as long after each, and at most this. */
const LONGEST_WAIT_MS = 15_000;
/** A connection that is silent is asked for a sign of life, and given up when none comes in time. */
const PING_EVERY_MS = 15_000;
const PONG_WITHIN_MS = 10_000;
/** Refusals of the whole request after which the caller has no access to the tenant. */
const ENDINGS = [
  'UNAUTHENTICATED',
  'TENANT_REQUIRED',
  'TENANT_MISMATCH',
  'TENANT_NOT_FOUND',
  'TENANT_SUSPENDED',
];

/**
 * @param ended called once, when the caller has lost access: at once, for the server closes the connection then
 * @param connected called when the connection for live changes is made or lost
 */
export function openApi(
  session: Session,
  parts: readonly CacheParts[],
  ended: (ending: Ending) => void,
  connected: (isConnected: boolean) => void,
): Api {
  let isOpen = true;
  const end = (ending: Ending): void => {
    if (!isOpen) return;
    close();
    ended(ending);
  };
  const authorized = authorizedFetch(session, end);

  let silent: ReturnType<typeof setTimeout> | undefined;
  const socket = createClient({
    url: `${window.location.origin.replace(/^http/, 'ws')}${PATH}`,
    connectionParams: async () => ({ authorization: `Bearer ${await session.token()}` }),
    // It is open on pages without live changes too, because a loss of access closes it.
    lazy: false,
    retryAttempts: Infinity,
    shouldRetry: (problem) => isOpen && !endingOf(problem),
    retryWait: (retries) =>
      new Promise((resolve) =>
        setTimeout(resolve, Math.random() * Math.min(LONGEST_WAIT_MS, 500 * 2 ** retries)),
      ),
    keepAlive: PING_EVERY_MS,
    onNonLazyError: () => undefined,
    on: {
      ping: (isReceived) => {
        if (!isReceived) silent = setTimeout(() => socket.terminate(), PONG_WITHIN_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(silent);
      },
      connected: (_socket, _payload, wasRetry) => {
        connected(true);
        if (wasRetry) refreshWhenInForce();
      },
      closed: (event) => {
        clearTimeout(silent);
        connected(false);
        const ending = endingOf(event);
        if (ending) end(ending);
      },
    },
  });

  const shown = new Map<number, Operation>();
  const remember = mapExchange({
    onOperation(operation) {
      if (operation.kind === 'query') shown.set(operation.key, operation);
      if (operation.kind === 'teardown') shown.delete(operation.key);
    },
  });
  const client = new Client({
    url: PATH,
    preferGetMethod: false,
    fetch: authorized,
    // What is shown from the cache is read again, too: others change the same data.
    requestPolicy: 'cache-and-network',
    exchanges: [
      remember,
      createCache(parts, KEYLESS),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, ...request }) => ({
          subscribe: (sink) => {
            const unsubscribe = socket.subscribe({ ...request, query: query ?? '' }, sink as Sink);
            refreshWhenInForce();
            return { unsubscribe };
          },
        }),
      }),
    ],
  });

  let forget = (): void => undefined;
  /**
   * What is shown may have been read before the subscriptions were in force, and nothing announces the changes in between.
   * The server answers this query when the subscriptions that were sent before it are in force.
   */
  function refreshWhenInForce(): void {
    // One answer is enough for all subscriptions before it.
    forget();
    forget = socket.subscribe(
      { query: '{ __typename }' },
      { next: refresh, error: refresh, complete: () => undefined },
    );
  }
  function refresh(): void {
    for (const operation of shown.values()) {
      const again = makeOperation('query', operation, {
        ...operation.context,
        requestPolicy: 'network-only',
      });
      client.reexecuteOperation(again);
    }
  }
  function close(): void {
    isOpen = false;
    void socket.dispose();
  }
  return { client, refresh, close };
}

/** Adds the token, takes a new one when it is refused, and notices when the caller has no access any more. */
export function authorizedFetch(session: Session, end: (ending: Ending) => void): typeof fetch {
  return async (input, init) => {
    const send = (token: string): Promise<Response> => {
      const headers = new Headers(init?.headers);
      headers.set('authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };
    const token = await session.token();
    let answer = await send(token);
    if (answer.status === 401) {
      const renewed = await session.renew(token);
      if (renewed !== undefined) answer = await send(renewed);
    }
    if ([401, 403, 404].includes(answer.status)) {
      const ending = await refusalOf(answer.clone());
      if (ending) end(ending);
    }
    return answer;
  };
}

async function refusalOf(answer: Response): Promise<Ending | undefined> {
  const body = (await answer.json().catch(() => ({}))) as {
    errors?: { extensions?: { code?: string; requires?: string; reason?: string } }[];
  };
  const { code = '', requires, reason } = body.errors?.[0]?.extensions ?? {};
  if (code === 'FORBIDDEN' && requires === 'membership') return { code: 'NO_MEMBER' };
  return ENDINGS.includes(code) ? { code, reason } : undefined;
}

/** The end of access that a closed connection tells; not that of a token, which is replaced by the next one. */
function endingOf(event: unknown): Ending | undefined {
  const { code, reason = '' } = Object(event) as { readonly code?: number; readonly reason?: string };
  if (code !== 4403 || reason.startsWith('UNAUTHENTICATED')) return undefined;
  const [refusal = ''] = reason.split(': ');
  return { code: ENDINGS.includes(refusal) ? refusal : 'NO_MEMBER' };
}

/**
 * Refuses a caller who was refused a moment ago again, before anything else is done for the request: no hook runs, no token
 * is verified, nothing is logged. Under a heavy overload a server does little but refuse, and such a refusal costs about half
 * of one that goes through all steps. It grants nothing: whether the caller is still refused is decided anew, and
 * everybody else's request goes through all steps.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import { ERROR_STATUS, type PublicError } from '../kernel/vocabulary/errors.js';
import { sha256 } from '../services/documents/trusted-documents.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { KEPT_BY_NOBODY, VARY } from './caching.js';
import type { Drain } from './drain.js';
import { errorAnswer, errorType } from './error-answers.js';
import { requestId } from './request-id.js';
import { retryAfter } from './retry-after.js';
import { securityHeaders } from './security-headers.js';

type Caller = Pick<Viewer, 'tenantId' | 'actor'>;

/** After this time, the next request goes through all steps, so that the credential is verified again. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;
const PATH = '/graphql';

/** What decides whether a caller is refused: see Shedding. */
export interface Refuser {
  refusalOf(caller: Caller): PublicError | undefined;
  pace(caller: Caller, response: ServerResponse): Promise<void> | undefined;
}

export class EarlyRefusals {
  readonly #shedding: Refuser;
  readonly #leaving: LeavingErrors;
  readonly #drain: Drain;
  readonly #headers = { ...securityHeaders(), 'cache-control': KEPT_BY_NOBODY, vary: `${VARY}, Origin` };
  readonly #refused = new LRUCache<string, Caller>({ max: MOST_REMEMBERED, ttl: REMEMBERED_MS });

  constructor(shedding: Refuser, leaving: LeavingErrors, drain: Drain) {
    this.#shedding = shedding;
    this.#leaving = leaving;
    this.#drain = drain;
  }

  /** The caller of this request was refused. */
  remember(request: IncomingMessage, { tenantId, actor }: Caller): void {
    this.#refused.set(credentialOf(request), { tenantId, actor });
  }

  /** Gives each request to this class first. Call it when the server has its listener. */
  install(server: Server): void {
    const listeners = server.listeners('request') as ((
      request: IncomingMessage,
      response: ServerResponse,
    ) => void)[];
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      if (this.#refuses(request, response)) return;
      for (const listener of listeners) listener.call(server, request, response);
    });
  }

  #refuses(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#refused.size === 0) return false;
    const { method, url, headers } = request;
    // Browsers of other origins need headers of CORS, a pipelined request waits for the answer before it, and a draining
    // server closes connections: the usual steps do all that.
    if (method !== 'POST' || url !== PATH || headers.origin !== undefined || response.socket === null)
      return false;
    const caller = this.#refused.get(credentialOf(request));
    if (!caller || this.#drain.isDraining) return false;
    const refusal = this.#shedding.refusalOf(caller);
    if (!refusal) return false;
    const turn = this.#shedding.pace(caller, response);
    if (turn) void turn.then(() => this.#answer(request, response, refusal));
    else this.#answer(request, response, refusal);
    return true;
  }

  #answer(request: IncomingMessage, response: ServerResponse, refusal: PublicError): void {
    this.#leaving.see(refusal.code, refusal);
    const later = retryAfter([refusal]);
    const body = JSON.stringify(errorAnswer(refusal));
    response.writeHead(ERROR_STATUS[refusal.code], {
      ...this.#headers,
      'x-request-id': requestId(request),
      ...(later !== undefined && { 'retry-after': later }),
      'content-type': errorType(request.headers),
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  }
}

/** What decides who the caller is, as a hash: headers may be long, and a credential is not kept. */
const credentialOf = ({ headers: { authorization = '', host = '' } }: IncomingMessage): string =>
  sha256(`${host} ${authorization}`);

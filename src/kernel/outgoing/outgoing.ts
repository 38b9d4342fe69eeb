/**
 * The one way in which the server sends HTTP requests to URLs of others: webhooks, and the keys of the identity provider.
 *
 * Guarantees, for each request:
 * - the socket connects to an address that was checked: each request has a connection of its own, its host is resolved
 *   once, and the socket is given those addresses and no name. A name that has another address a moment later changes
 *   nothing;
 * - only public addresses are connected to, unless the operator allows the target; never the server's own addresses;
 * - redirects are answers: nothing is followed;
 * - a limit of time for everything from the look-up of the name to the last byte, and a limit of bytes;
 * - errors contain neither the URL nor a byte of the answer.
 */
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { AllowedTargets, plainHost } from './allowed-targets.js';
import { failureOf, OutgoingError } from './outgoing-error.js';
import { isPublicAddress } from './public-address.js';
import { byNameServers, bySystem, type Resolve } from './resolve.js';

export interface OutgoingRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long all of it may take, in milliseconds. */
  readonly withinMs: number;
  /**
   * - `read`: the body of the answer is returned. It is an error when it has more than `maxBytes`, or does not end in time;
   * - `ignore`: the body is read and dropped, up to `maxBytes` and until the time is over; then the connection is closed.
   */
  readonly answer: 'read' | 'ignore';
  /** The most bytes of the body that are read. */
  readonly maxBytes: number;
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined;
}

export interface OutgoingAnswer {
  /** Any status, 3xx included. */
  readonly status: number;
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  /** Empty when the answer is ignored. */
  readonly body: string;
}

export interface OutgoingOptions {
  /** Names, addresses and networks that may be asked although they are not public, and without TLS. */
  readonly allowed?: readonly string[];
  /** Resolves names that are not listed. Default: the name servers. */
  readonly resolve?: Resolve;
  /** The addresses of this machine. Default: those of its network interfaces. */
  readonly ownAddresses?: () => readonly string[];
}

/** For the header lines of an answer; the whole of them. */
const MOST_HEADER_BYTES = 16_384;

const GUARDED = 'The host has no address that may be asked.';

export class Outgoing {
  readonly #allowed: AllowedTargets;
  readonly #resolve: Resolve;
  readonly #ownAddresses: () => readonly string[];
  readonly #outcomes = new Map<string, number>();

  constructor({
    allowed = [],
    resolve = byNameServers,
    ownAddresses = addressesOfInterfaces,
  }: OutgoingOptions = {}) {
    this.#allowed = new AllowedTargets(allowed);
    this.#resolve = resolve;
    this.#ownAddresses = ownAddresses;
  }

  /**
   * What is known of a URL before its host is resolved: whether it has a scheme that may be asked, and, when the host is an
   * address, whether that may be asked.
   *
   * @returns the URL in its normal form
   * @throws OutgoingError `url`, `no_public_address`
   */
  check(text: string): URL {
    if (!URL.canParse(text)) throw new OutgoingError('url', 'This is not a URL.');
    const url = new URL(text);
    const host = plainHost(url.hostname);
    if (url.username !== '' || url.password !== '') {
      throw new OutgoingError('url', 'The URL must not contain a user or a password.');
    }
    const isListed = this.#allowed.hasName(host) || this.#allowed.hasAddress(host);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isListed)) {
      throw new OutgoingError('url', 'The URL must begin with https://.');
    }
    if (isIP(host) !== 0 && !this.#mayConnect(host)) throw new OutgoingError('no_public_address', GUARDED);
    return url;
  }

  /**
   * Sends a request, once.
   *
   * @throws OutgoingError when there is no answer; the reason of `signal` when it was ended early
   */
  async send(request: OutgoingRequest): Promise<OutgoingAnswer> {
    try {
      const answer = await this.#send(request);
      this.#count(`${String(Math.floor(answer.status / 100))}xx`);
      return answer;
    } catch (error) {
      this.#count(error instanceof OutgoingError ? error.reason : 'ended');
      throw error;
    }
  }

  /** The number of requests so far, by the class of the answer's status (`2xx`), or by why there was none. */
  get outcomes(): ReadonlyMap<string, number> {
    return this.#outcomes;
  }

  #count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  async #send(request: OutgoingRequest): Promise<OutgoingAnswer> {
    const url = this.check(request.url);
    const clock = AbortSignal.timeout(request.withinMs);
    const ends = request.signal ? AbortSignal.any([request.signal, clock]) : clock;
    try {
      const addresses = await unlessEnded(this.#addressesOf(plainHost(url.hostname), ends), ends);
      return await exchange(url, request, addresses, ends);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (clock.aborted && !(error instanceof OutgoingError)) {
        throw new OutgoingError('timeout', 'The host did not answer in time.', { cause: error });
      }
      throw failureOf(error);
    }
  }

  /** The addresses of a host that may be connected to. @throws OutgoingError `no_public_address` when there is none */
  async #addressesOf(host: string, ends: AbortSignal): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const isListed = this.#allowed.hasName(host);
    let found: readonly string[];
    try {
      found = await (isListed ? bySystem : this.#resolve)(host, ends);
    } catch (error) {
      throw new OutgoingError('no_public_address', GUARDED, { cause: error });
    }
    const open = isListed ? found : found.filter((address) => this.#mayConnect(address));
    if (open.length === 0) throw new OutgoingError('no_public_address', GUARDED);
    return open;
  }

  #mayConnect(address: string): boolean {
    return this.#allowed.hasAddress(address) || (isPublicAddress(address) && !this.#isOwn(address));
  }

  /** A connection to an own address does not pass the firewall in front of this machine. */
  #isOwn(address: string): boolean {
    const normal = ipaddr.parse(address).toNormalizedString();
    return this.#ownAddresses().some((own) => ipaddr.parse(own).toNormalizedString() === normal);
  }
}

const addressesOfInterfaces = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);

/** The promise, or the reason of the signal as soon as it is aborted: a look-up by the system cannot be stopped. */
async function unlessEnded<Value>(promise: Promise<Value>, ends: AbortSignal): Promise<Value> {
  let stop = (): void => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    stop = () => reject(ends.reason as Error);
  });
  ends.addEventListener('abort', stop);
  if (ends.aborted) stop();
  try {
    return await Promise.race([promise, ended]);
  } finally {
    ends.removeEventListener('abort', stop);
  }
}

/** Gives the socket these addresses instead of a look-up. Not called for a host that is an address itself. */
const knowing =
  (addresses: readonly string[]): LookupFunction =>
  (_hostname, options, callback) => {
    const all = addresses.map((address) => ({ address, family: isIP(address) }));
    if (options.all) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };

async function exchange(
  url: URL,
  { method, headers, body, answer, maxBytes }: OutgoingRequest,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<OutgoingAnswer> {
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    request({
      protocol: url.protocol,
      hostname: plainHost(url.hostname),
      port: url.port,
      path: url.pathname + url.search,
      method,
      headers: {
        ...headers,
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
      },
      // A connection of its own: one that was opened earlier may lead elsewhere.
      agent: false,
      lookup: knowing(addresses),
      maxHeaderSize: MOST_HEADER_BYTES,
      signal,
    })
      .on('response', resolve)
      // Without a listener, Node ends such a connection and tells nobody.
      .on('upgrade', (_response, socket) => {
        socket.destroy();
        reject(new OutgoingError('bad_answer', 'The answer is not HTTP.'));
      })
      .on('error', reject)
      .end(body);
  });
  const known = { status: response.statusCode ?? 0, headers: response.headers };
  try {
    return { ...known, body: await bodyOf(response, maxBytes, answer === 'read') };
  } catch (error) {
    if (answer === 'read') throw error;
    return { ...known, body: '' };
  } finally {
    response.destroy();
  }
}

/** @throws OutgoingError `too_large`; the error of the connection when it breaks */
async function bodyOf(response: http.IncomingMessage, maxBytes: number, isKept: boolean): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OutgoingError('too_large', 'The answer has too many bytes.');
    if (isKept) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

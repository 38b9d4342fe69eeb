/**
 * The limits of HTTP requests (docs/hardening.md), and the answers to data that is not HTTP: in the form of every other
 * error, although there is no request and no hook has run.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorAnswer, RefusedRequest } from './error-answers.js';

const KIB = 1024;

export const REQUEST_LIMITS = {
  /** Larger bodies are refused without being read. */
  bodyBytes: 100 * KIB,
  /** The request line and all headers together. */
  headBytes: 16 * KIB,
  headers: 100,
  /** The path and the query of a GET. */
  urlBytes: 8 * KIB,
  /** From the first byte of a request to the last of its headers. */
  headersMs: 10_000,
  /** From the first byte of a request to its last. */
  requestMs: 30_000,
  /** Without a byte in either direction, in addition to the time limit of a request. */
  silentMs: 60_000,
  /**
   * How often Node checks for requests that have exceeded their time, which is also the most by which they can exceed
   * it.
   */
  checkedEveryMs: 2_000,
};

/** The options for `fastify()`. */
export const requestLimits = {
  bodyLimit: REQUEST_LIMITS.bodyBytes,
  requestTimeout: REQUEST_LIMITS.requestMs,
  http: {
    maxHeaderSize: REQUEST_LIMITS.headBytes,
    headersTimeout: REQUEST_LIMITS.headersMs,
    requestTimeout: REQUEST_LIMITS.requestMs,
    connectionsCheckingInterval: REQUEST_LIMITS.checkedEveryMs,
    // Node would answer without a body: see `problemOf`.
    requireHostHeader: false,
  },
  clientErrorHandler: answerWhatIsNoRequest,
};

/** Headers that determine the tenant or caller. When there are two, proxies and servers may use different ones. */
const ONCE = ['host', 'authorization'];

/** Refuses requests that Node accepts. Install it before everything that reads a header. */
export function installRequestLimits(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const problem = problemOf(request);
    if (problem) done(new RefusedRequest(...problem));
    else done();
  });
  // Node would answer 417 without a body.
  app.server.on('checkExpectation', (_request, response) => {
    const { head, body } = answer(417, 'This expectation cannot be met.');
    response.writeHead(417, head).end(body);
  });
  // Node would close the connection without an answer.
  app.server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    const requestId = write(socket, [405, 'This server is no proxy.']);
    app.log.info({ status: 405, requestId }, 'refused to be a proxy');
    socket.end();
  });
}

type Problem = readonly [status: number, message: string];

function problemOf({ raw }: FastifyRequest): Problem | undefined {
  const { url = '', rawHeaders, headers } = raw;
  if (url.length > REQUEST_LIMITS.urlBytes) {
    return [414, `The URL has more than ${REQUEST_LIMITS.urlBytes} bytes.`];
  }
  if (rawHeaders.length > 2 * REQUEST_LIMITS.headers) {
    return [431, `The request has more than ${REQUEST_LIMITS.headers} headers.`];
  }
  if (headers.host === undefined && raw.httpVersion === '1.1') {
    return [400, 'The request has no Host header.'];
  }
  const twice = ONCE.find((name) => headers[name] !== undefined && timesIn(rawHeaders, name) > 1);
  return twice === undefined ? undefined : [400, `The request has the header ${twice} more than once.`];
}

function timesIn(rawHeaders: readonly string[], name: string): number {
  let times = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const other = rawHeaders[at]!;
    if (other.length === name.length && other.toLowerCase() === name) times++;
  }
  return times;
}

/** Answers data that Node's parser could not parse: method and path are unknown, and the connection ends. */
function answerWhatIsNoRequest(this: FastifyInstance, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // Part of an answer may already be sent.
  const { _httpMessage: begun } = socket as { _httpMessage?: { headersSent: boolean } };
  if (socket.writable && !begun?.headersSent) {
    const problem = PROBLEMS[error.code ?? ''] ?? [400, 'This is not an HTTP request.'];
    const requestId = write(socket, problem);
    this.log.info({ code: error.code, status: problem[0], requestId }, 'refused what is no request');
  }
  socket.destroySoon();
}

/** @returns the request id of the answer */
function write(socket: Duplex, [status, message]: Problem): string {
  const { head, body } = answer(status, message);
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  return head['x-request-id'];
}

const PROBLEMS: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [
    431,
    `The request line and headers have more than ${REQUEST_LIMITS.headBytes} bytes together.`,
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunks have too many extensions.'],
};

function answer(status: number, message: string) {
  const body = JSON.stringify(errorAnswer(new RefusedRequest(status, message)));
  const head = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': randomUUID(),
    'x-content-type-options': 'nosniff',
    connection: 'close',
  };
  return { head, body };
}

/** Reads the bodies of requests: JSON, plain or compressed with gzip. Every other kind is answered 415. */
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { refuseLostNumbers } from '../kernel/graphql/exact-numbers.js';
import { RefusedRequest } from './error-answers.js';

/**
 * Installs the parser of `application/json`. The limit of bodies is that of `app`, for the bytes that arrive and again
 * for those that come out of them: a body that grows beyond it is not inflated any further.
 *
 * @throws BAD_USER_INPUT for a body with a number that JavaScript would round
 */
export function installJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  const mostBytes = app.initialConfig.bodyLimit ?? 0;
  // Plain text is what a page of another origin may send without a preflight request.
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (codingOf(request) !== 'unknown') return done(null, payload);
    // What the client may use instead (RFC 9110, section 15.5.16).
    void reply.header('accept-encoding', 'gzip');
    done(new RefusedRequest(415, 'A body may be compressed with gzip only.'), payload);
  });
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const read = (bytes: Buffer) => {
      const text = bytes.toString();
      try {
        refuseLostNumbers(text);
      } catch (error) {
        done(error as Error);
        return;
      }
      // Calls `done`; it is typed as if it might return a promise.
      parse(request, text, done) as undefined;
    };
    if (codingOf(request) !== 'gzip') {
      read(body);
      return;
    }
    gunzip(body, { maxOutputLength: mostBytes }, (error, bytes) => {
      if (error) done(refusalOf(error, mostBytes));
      else read(bytes);
    });
  });
}

function codingOf({ headers }: FastifyRequest): 'none' | 'gzip' | 'unknown' {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return 'none';
  return coding === 'gzip' || coding === 'x-gzip' ? 'gzip' : 'unknown';
}

const refusalOf = ({ code }: NodeJS.ErrnoException, mostBytes: number) =>
  code === 'ERR_BUFFER_TOO_LARGE'
    ? new RefusedRequest(413, `The inflated body has more than ${mostBytes} bytes.`)
    : new RefusedRequest(400, 'The body cannot be inflated: it is no gzip.');

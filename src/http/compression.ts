/**
 * Compresses large answers with gzip, when the client accepts it.
 *
 * Compression can betray a secret to somebody who sees the sizes of answers and chooses a part of their content (BREACH).
 * No page of another origin can cause an answer here, because requests need a token; but a user's own data may come from
 * others. So every compressed answer gets a random number of bytes in addition.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { remembering } from './remembering.js';

const compress = promisify(gzip);

export const COMPRESSION = {
  /** Smaller answers fit into a few packets anyway. */
  leastBytes: 4 * 1024,
  /** The usual level takes half as long again, for answers that are 4 % smaller. */
  level: constants.Z_BEST_SPEED,
  /** The most answers that are compressed at a time; others are sent as they are rather than wait. */
  atOnce: 8,
  /** The most random bytes. */
  mostPadding: 100,
};

/** Install it after everything that changes an answer, and before the limits of unread answers. */
export function installCompression(app: FastifyInstance): void {
  let running = 0;
  const compressed = async (reply: FastifyReply, payload: Buffer): Promise<Buffer> => {
    running++;
    try {
      const smaller = padded(await compress(payload, { level: COMPRESSION.level }));
      void reply.header('content-encoding', 'gzip').header('content-length', smaller.length);
      return smaller;
    } finally {
      running--;
    }
  };
  // Without a promise: most answers are small, or for programs that do not inflate them.
  app.addHook('onSend', (request, reply, payload, done) => {
    const isFor =
      Buffer.isBuffer(payload) &&
      payload.length >= COMPRESSION.leastBytes &&
      request.routeOptions.config.authenticated &&
      running < COMPRESSION.atOnce &&
      acceptsGzip(request.headers['accept-encoding']);
    if (!isFor) return done(null, payload);
    compressed(reply, payload).then((bytes) => done(null, bytes), done);
  });
}

/** Whether `Accept-Encoding` allows gzip: by its name, or by `*`, and not with the weight 0. */
export const acceptsGzip = (header: string | string[] = ''): boolean => weightOfGzip(String(header)) > 0;

const weightOfGzip = remembering((header) => {
  const weights = new Map<string, number>();
  for (const item of header.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    weights.set(coding, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  return weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0;
});

/** The length of the fixed part of gzip's header, whose fourth byte has the flags. */
const HEADER_BYTES = 10;
const HAS_NAME = 0x08;

/** Gives the compressed data a random file name, which decompression skips (RFC 1952, section 2.3). */
function padded(compressed: Buffer): Buffer {
  const name = randomBytes(randomInt(1, COMPRESSION.mostPadding + 1))
    .toString('latin1')
    .replace(/\0/g, 'x');
  const header = Buffer.from(compressed.subarray(0, HEADER_BYTES));
  header[3]! |= HAS_NAME;
  return Buffer.concat([header, Buffer.from(`${name}\0`, 'latin1'), compressed.subarray(HEADER_BYTES)]);
}

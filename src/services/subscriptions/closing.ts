/** The close codes of connections: docs/errors.md, section "Subscriptions". */
import type { ExecutionResult } from 'graphql';
import { publicError, type PublicError } from '../../kernel/vocabulary/errors.js';

export class Closing extends Error {
  override readonly name = 'Closing';

  /**
   * @param reason for people; it contains no data of users or tenants
   * @param error of the client, when it is the cause
   */
  constructor(
    readonly code: number,
    reason: string,
    readonly error?: PublicError,
  ) {
    // The limit of a close frame.
    super(Buffer.byteLength(reason) <= 123 ? reason : reason.slice(0, 40));
  }
}

// RFC 6455 and its registry. Clients of graphql-ws connect again after these three, by themselves.
/** The server closes. */
export const goingAway = () => new Closing(1001, 'The server is stopping.');
/** Changes may have been missed: a client that connects again must read its data again. */
export const eventsMissed = () => new Closing(1012, 'Events may have been missed.');
/** The client reads too slowly, or not at all. */
export const tooSlow = () => new Closing(1013, 'The client is too slow: events would be lost.');
/** @param reason for people; it contains no data of users or tenants */
export const tryLater = (reason: string) => new Closing(1013, reason);

// The codes of graphql-ws.
/** The client has broken the protocol. */
export const badRequest = () => new Closing(4400, 'This message is not expected here.');
/** A failure of the server, which is logged. */
export const defect = () => new Closing(4500, 'Something went wrong on our side.');

/**
 * The closing of a refused connection. A credential that is refused at the start is 4401: retrying with it is useless.
 * One that was accepted and has expired since is 4403, after which clients of graphql-ws reconnect, with a new one if
 * they have it.
 */
export function refused(error: PublicError, stage: 'start' | 'open'): Closing {
  const { code, message } = error;
  if (code === 'UNAVAILABLE' || code === 'RATE_LIMITED') return new Closing(1013, message, error);
  const closeCode = code === 'UNAUTHENTICATED' && stage === 'start' ? 4401 : 4403;
  return new Closing(closeCode, `${code}: ${message}`, error);
}

/**
 * The result of a subscription that could not begin. Where it may begin later, the connection tells the client to retry, and
 * clients do so by themselves.
 *
 * @throws UNAVAILABLE, RATE_LIMITED
 */
export function unlessUnavailable(result: ExecutionResult): ExecutionResult {
  const causes = result.errors?.map(({ originalError }) => publicError(originalError));
  const later = causes?.find((cause) => cause?.code === 'UNAVAILABLE' || cause?.code === 'RATE_LIMITED');
  if (later) throw later;
  return result;
}

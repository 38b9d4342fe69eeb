/** What was asked over a connection that brings many answers, and whether it was answered at all. */
import type { GraphqlRequest } from './wire.js';

export interface Asked {
  /** Unique: in the server's frames, or only here. */
  readonly id: string;
  /** What the server sent for it; more may follow. */
  readonly frames: readonly string[];
}

/** One connection of a user, or several for one user. */
export interface Connection {
  /** All that arrived. */
  readonly frames: readonly string[];
  subscribe(request: GraphqlRequest): Asked;
  /** Waits until the server has handled everything that was asked before. */
  settle(): Promise<void>;
  /** Why a request was not tried: it was not answered, and is not in force either. Call it after {@link settle}. */
  failureOf(asked: Asked): string | undefined;
  close(): Promise<void>;
}

const REFUSED_FOR_ITS_RATE = '"code":"RATE_LIMITED"';

/** A server that has no time for a request has not looked at its values. */
export const isRefusedForItsRate = (frames: readonly string[]): boolean =>
  frames.some((frame) => frame.includes(REFUSED_FOR_ITS_RATE));

/** The frames without the id of the request, which differs in any case. */
export const framesWithoutId = ({ id, frames }: Asked): string => frames.join('\n').replaceAll(id, '‹id›');

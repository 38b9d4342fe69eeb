/**
 * The one way in which a connection leaves the pool for statements that Prisma does not send. What runs on it when its
 * time is up is cancelled in PostgreSQL, and it returns to the pool when PostgreSQL has left that: however many requests
 * are abandoned, no more backends work for this server than its pool has connections.
 */
import pg from 'pg';
import { Deadline } from '../request/deadline.js';
import type { PipeliningClient } from './pipelining-client.js';

export interface CheckedOut {
  readonly client: PipeliningClient;
  /**
   * Gives the connection back. Call it once.
   *
   * @param isSound false when the connection is not to be used again
   */
  readonly release: (isSound: boolean) => void;
}

/**
 * Waits for a connection.
 *
 * @throws DEADLINE_EXCEEDED when the deadline has passed by then; the pool's error when it has none in time
 */
export type Checkout = (deadline?: Deadline) => Promise<CheckedOut>;

/** @param patienceMs how long a connection may be in use when there is no deadline: for a server that is silent */
export function createCheckout(pool: pg.Pool, patienceMs: number): Checkout {
  return async (deadline) => {
    deadline?.throwIfOver();
    const client = (await pool.connect()) as unknown as PipeliningClient & pg.PoolClient;
    if (deadline?.isOver) {
      client.release();
      throw deadline.error;
    }
    const stopWatching = (deadline ?? Deadline.after(patienceMs)).whenOver(() => void client.cancelWork());
    return {
      client,
      release: (isSound) => {
        stopWatching();
        const { cancelling } = client;
        if (!cancelling) client.release(!isSound);
        else void cancelling.then(() => client.release(!isSound || !client.isIdle));
      },
    };
  };
}

/** PostgreSQL has refused a statement; it has not ended the connection (57P01 and the like). */
export const isRefusal = (failure: unknown): boolean =>
  failure instanceof pg.DatabaseError && !endsConnection(failure.code ?? '');

/** The classes 08 and 57P; and sessions or transactions that PostgreSQL found too long (25P03, 25P04). */
const endsConnection = (code: string): boolean => /^(08|57P|25P0[34])/.test(code);

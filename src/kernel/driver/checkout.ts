/**
 * Takes connections from the pool for all statements that Prisma does not send. A statement that exceeds its time is
 * cancelled in PostgreSQL, and its connection returns to the pool only when PostgreSQL has stopped it. So the server
 * never uses more backends than its pool has connections, however many requests are abandoned.
 */
import pg from 'pg';
import { Deadline } from '../request/deadline.js';
import type { PipeliningClient } from './pipelining-client.js';

export interface CheckedOut {
  readonly client: PipeliningClient;
  /**
   * Returns the connection to the pool. Call it once.
   *
   * @param isSound false when the connection must not be used again
   */
  readonly release: (isSound: boolean) => void;
}

/**
 * Waits for a connection.
 *
 * @throws DEADLINE_EXCEEDED when the deadline has passed; the pool's error when no connection is free in time
 */
export type Checkout = (deadline?: Deadline) => Promise<CheckedOut>;

/** @param patienceMs how long a connection may be in use without a deadline, in case PostgreSQL does not answer */
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

/** Whether PostgreSQL refused a statement and kept the connection, which it ends with 57P01 and similar codes. */
export const isRefusal = (failure: unknown): boolean =>
  failure instanceof pg.DatabaseError && !endsConnection(failure.code ?? '');

/** The classes 08 and 57P, and the time limits of idle sessions and of transactions (25P03, 25P04). */
const endsConnection = (code: string): boolean => /^(08|57P|25P0[34])/.test(code);

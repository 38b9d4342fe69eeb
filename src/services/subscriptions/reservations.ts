import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Connections } from './connections.js';

/** Subscriptions, and queries and mutations that are not answered yet. */
export const OPERATIONS_PER_CONNECTION = 50;
/** The bytes of their messages, which are kept in memory. */
export const OPERATION_BYTES_PER_CONNECTION = 256 * 1024;

/** The place of one operation within the limits of the client and the tenant. */
export interface Reservation {
  /** Undefined for a query or mutation, which does not last. */
  readonly tenantId: string | undefined;
  readonly bytes: number;
}

/** The operations of one connection, including subscriptions that are being started. */
export class Reservations {
  readonly #ofTenants: Pick<Connections, 'reserve' | 'release'>;
  readonly #held = new Set<Reservation>();
  #bytes = 0;

  constructor(ofTenants: Pick<Connections, 'reserve' | 'release'>) {
    this.#ofTenants = ofTenants;
  }

  /**
   * @param tenantId counts the operation as a subscription of this tenant
   * @throws BAD_REQUEST when the connection or the tenant has reached its limit
   */
  reserve(bytes: number, tenantId?: string): Reservation {
    if (this.#held.size >= OPERATIONS_PER_CONNECTION) {
      const most = String(OPERATIONS_PER_CONNECTION);
      throw new PublicError('BAD_REQUEST', `A connection has at most ${most} operations at a time.`);
    }
    if (this.#bytes + bytes > OPERATION_BYTES_PER_CONNECTION) {
      const most = String(OPERATION_BYTES_PER_CONNECTION / 1024);
      throw new PublicError('BAD_REQUEST', `The operations of a connection have at most ${most} KiB in all.`);
    }
    if (tenantId !== undefined && !this.#ofTenants.reserve(tenantId, bytes)) {
      throw new PublicError('BAD_REQUEST', 'The tenant has too many subscriptions.');
    }
    const reservation = { tenantId, bytes };
    this.#held.add(reservation);
    this.#bytes += bytes;
    return reservation;
  }

  /** Ends the operation; a second call does nothing. */
  release(reservation: Reservation): void {
    if (!this.#held.delete(reservation)) return;
    const { tenantId, bytes } = reservation;
    this.#bytes -= bytes;
    if (tenantId !== undefined) this.#ofTenants.release(tenantId, bytes);
  }
}

import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Connections } from './connections.js';

export const SUBSCRIPTIONS_PER_CONNECTION = 50;
/** The bytes of the subscribe messages, which are kept in memory. */
export const SUBSCRIBED_BYTES_PER_CONNECTION = 256 * 1024;

/** The place of one subscription within the limits of the client and the tenant. */
export interface Reservation {
  readonly tenantId: string;
  readonly bytes: number;
}

/** The subscriptions of one connection, including those that are being started. */
export class Reservations {
  readonly #ofTenants: Pick<Connections, 'reserve' | 'release'>;
  readonly #held = new Set<Reservation>();
  #bytes = 0;

  constructor(ofTenants: Pick<Connections, 'reserve' | 'release'>) {
    this.#ofTenants = ofTenants;
  }

  /** @throws BAD_REQUEST when the connection or the tenant has reached its limit */
  reserve(bytes: number, tenantId: string): Reservation {
    if (this.#held.size >= SUBSCRIPTIONS_PER_CONNECTION) {
      const most = String(SUBSCRIPTIONS_PER_CONNECTION);
      throw new PublicError('BAD_REQUEST', `A connection has at most ${most} subscriptions.`);
    }
    if (this.#bytes + bytes > SUBSCRIBED_BYTES_PER_CONNECTION) {
      const most = String(SUBSCRIBED_BYTES_PER_CONNECTION / 1024);
      throw new PublicError(
        'BAD_REQUEST',
        `The subscriptions of a connection have at most ${most} KiB in all.`,
      );
    }
    if (!this.#ofTenants.reserve(tenantId, bytes)) {
      throw new PublicError('BAD_REQUEST', 'The tenant has too many subscriptions.');
    }
    const reservation = { tenantId, bytes };
    this.#held.add(reservation);
    this.#bytes += bytes;
    return reservation;
  }

  /** Ends the subscription; a second call does nothing. */
  release(reservation: Reservation): void {
    if (!this.#held.delete(reservation)) return;
    this.#bytes -= reservation.bytes;
    this.#ofTenants.release(reservation.tenantId, reservation.bytes);
  }
}

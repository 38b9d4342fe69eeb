/**
 * How old the data may be that a request reads. By default it may not be old at all. A door allows it for operations
 * whose fields are declared safe, and it ends with the first write of the request.
 */
import { actorKey, type Actor } from '../vocabulary/actor.js';

export class Freshness {
  /** Who must see their own writes. */
  readonly reader: string;
  /** The position in the database's log that the data must have, because the client asks for it. */
  readonly after: bigint;
  #mayLag = false;

  /** @param after undefined: the client asks for no position */
  constructor(actor: Actor, after = 0n) {
    this.reader = actorKey(actor);
    this.after = after;
  }

  /** Whether a replica may answer. */
  get mayLag(): boolean {
    return this.#mayLag;
  }

  allowLag(): void {
    this.#mayLag = true;
  }

  /** From now on everything is read from the primary. */
  forbidLag(): void {
    this.#mayLag = false;
  }
}

import type { Call } from './read-batch.js';
import type { PlainStatement } from './plain-statement.js';

/** How the operations of a client or of a transaction reach the database. */
export interface Runner {
  /** @param plain the same as a plain statement, if there is one. */
  read(call: Call, plain?: () => PlainStatement | undefined): Promise<unknown>;
  write(call: Call, plain?: () => PlainStatement | undefined): Promise<unknown>;
}

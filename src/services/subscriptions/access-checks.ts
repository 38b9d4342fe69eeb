import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { FairShare } from '../../kernel/fair-share/fair-share.js';
import { turnOf } from './turn-of.js';

/** What access checks need of an open connection. */
export interface Checked {
  /** The same for connections that share a look-up. */
  readonly credential: string;
  readonly viewer: Viewer | undefined;
  /** @throws Error when the credential no longer gives access, or when the look-up fails */
  lookUp(): Promise<Viewer>;
  /** Ends the subscriptions that `viewer` may no longer have. */
  hold(viewer: Viewer): void;
  fail(error: unknown): void;
}

/** Looks up the access of open connections again: once per credential, a limited number at a time, by fair shares of tenants. */
export class AccessChecks {
  readonly #gate: FairShare;
  /** By credential: the connections whose look-up has not begun. */
  readonly #due = new Map<string, Set<Checked>>();

  /** @param atOnce the number of concurrent look-ups */
  constructor(atOnce: number) {
    this.#gate = new FairShare({ slots: atOnce });
  }

  /** Guarantees a look-up that begins after this call. */
  check(connection: Checked): void {
    const { credential } = connection;
    const due = this.#due.get(credential);
    if (due) {
      due.add(connection);
      return;
    }
    this.#due.set(credential, new Set([connection]));
    void this.#gate.run(turnOf(connection.viewer), () => this.#lookUp(credential, connection));
  }

  async #lookUp(credential: string, first: Checked): Promise<void> {
    // The answer does not include changes from here on.
    const connections = this.#due.get(credential) ?? [];
    this.#due.delete(credential);
    try {
      const viewer = await first.lookUp();
      for (const connection of connections) connection.hold(viewer);
    } catch (error) {
      for (const connection of connections) connection.fail(error);
    }
  }
}

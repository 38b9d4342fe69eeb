import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { FairGate } from './fair-gate.js';

/** An open connection, as far as its access is concerned. */
export interface Checked {
  /** Equal for connections that one look-up answers for. */
  readonly credential: string;
  readonly viewer: Viewer | undefined;
  /** @throws Error when the credential gives no access any more, or when that cannot be found out */
  lookUp(): Promise<Viewer>;
  /** Ends what `viewer` may no longer have. */
  hold(viewer: Viewer): void;
  fail(error: unknown): void;
}

/**
 * Looks up the access of open connections again: once for all of the same credential, so many credentials at a time, and
 * tenants in turn.
 */
export class AccessChecks {
  readonly #gate: FairGate;
  /** By credential: who waits for a look-up that has not begun. */
  readonly #due = new Map<string, Set<Checked>>();

  /** @param atOnce look-ups at a time */
  constructor(atOnce: number) {
    this.#gate = new FairGate(atOnce);
  }

  /** What is found out was asked after this call. */
  check(connection: Checked): void {
    const { credential } = connection;
    const due = this.#due.get(credential);
    if (due) {
      due.add(connection);
      return;
    }
    this.#due.set(credential, new Set([connection]));
    void this.#gate.run(connection.viewer?.tenantId ?? '', () => this.#lookUp(credential, connection));
  }

  async #lookUp(credential: string, first: Checked): Promise<void> {
    // News from here on are not in the answer.
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

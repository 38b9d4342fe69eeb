/** One step of a conversion: a migration, its undo script, and information for the user. */
export interface Step {
  /** The migration's name after its time: a-z, 0-9 and _. */
  readonly label: string;
  readonly sql: string;
  /**
   * Undoes the step in one transaction, whether it was completed, interrupted or never begun. Undefined after the point
   * of no return.
   */
  readonly down: string | undefined;
  /** What it does, in a few words. */
  readonly does: string;
  /** The locks that affect others or that it must wait for. */
  readonly locks: string;
  /** How long it holds them. */
  readonly lasts: string;
}

/** For changes of the catalog only: held for milliseconds, waited for in short attempts. */
export const AN_INSTANT = 'milliseconds; waits 0.2 s at a time';

/** A step's label: its action and its table, index or key. */
export function labelOf(action: string, subject: string): string {
  return `tenantize_${action}_${subject.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`;
}

/** One step of a conversion: a migration, its way back, and what a person has to know before they run it. */
export interface Step {
  /** Of the migration's name, after its time: a-z, 0-9 and _. */
  readonly label: string;
  readonly sql: string;
  /**
   * Undoes the step in one transaction, whether it was carried out, cut off or never begun. Undefined from the point of
   * no return on.
   */
  readonly down: string | undefined;
  /** What it does, in a few words. */
  readonly does: string;
  /** The locks that others can feel or that it has to wait for. */
  readonly locks: string;
  /** For how long it holds them. */
  readonly lasts: string;
}

/** For what changes the catalog only: held for milliseconds, waited for in short attempts. */
export const AN_INSTANT = 'milliseconds; waits 0.2 s at a time';

/** A step's label: what it does and to which table, index or key. */
export function labelOf(action: string, subject: string): string {
  return `tenantize_${action}_${subject.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`;
}

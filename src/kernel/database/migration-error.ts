/**
 * A database cannot be prepared or migrated. The message is one sentence for the user of the command: what is wrong
 * and, if known, what to do. Neither it nor its cause contains a password.
 */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** The code of a system or PostgreSQL error (`ECONNREFUSED`, `42501`, …); '' when it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** The error's message without a final full stop, for use inside a sentence. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '');
}

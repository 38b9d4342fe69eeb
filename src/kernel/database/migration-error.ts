/**
 * A database cannot be prepared or migrated. The message is one sentence for whoever runs the command: what is wrong
 * and, where it is known, what to do. It never contains a password; neither does its cause.
 */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** The code of a system or PostgreSQL error (`ECONNREFUSED`, `42501`, …); '' when it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** What went wrong, without a closing full stop, so that it can stand inside a sentence. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '');
}

/**
 * The embedded database failed. The message is for the user at the terminal: what is wrong and what to do, in one
 * sentence (followed by the server's last log lines, if there are any).
 */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}

/** The code of a system error (`ENOENT`, `EACCES`, a PostgreSQL SQLSTATE, …), or undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** For `catch`: returns `value` when the error has one of these codes, and throws the error otherwise. */
export function unless<T>(value: T, ...codes: readonly string[]): (error: unknown) => T {
  return (error) => {
    if (codes.includes(errorCode(error) ?? '')) return value;
    throw error;
  };
}

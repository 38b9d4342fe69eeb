/** Reads the URL of a database as Prisma does, in which `pgbouncer=true` says that a transaction pooler is in between. */

export interface ServerUrl {
  /** Without the parameter, which PostgreSQL does not know. */
  readonly connectionString: string;
  /** Whether prepared statements may have names. */
  readonly namedStatements: boolean;
}

/** Reads such a URL. @throws TypeError when it is none */
export function readServerUrl(url: string): ServerUrl {
  const parsed = new URL(url);
  const namedStatements = parsed.searchParams.get('pgbouncer') !== 'true';
  parsed.searchParams.delete('pgbouncer');
  return { connectionString: parsed.toString(), namedStatements };
}

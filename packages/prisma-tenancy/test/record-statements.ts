import type pg from 'pg';

/** Call it before the pool is used. Returns the texts of what its connections are sent from then on, in order. */
export function recordStatements(pool: pg.Pool): string[] {
  const texts: string[] = [];
  pool.on('connect', (connection) => {
    const send = connection.query.bind(connection) as (...args: readonly unknown[]) => unknown;
    const query = (...args: readonly unknown[]) => {
      const [statement] = args;
      texts.push(typeof statement === 'string' ? statement : (statement as { text: string }).text);
      return send(...args);
    };
    connection.query = query as typeof connection.query;
  });
  return texts;
}

import type pg from 'pg';

/** Records the texts of all statements that the pool's connections send, in order. Call it before the pool is used. */
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

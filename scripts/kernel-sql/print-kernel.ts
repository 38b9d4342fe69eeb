/**
 * Reads a migrated database's catalog and prints its functions, policies, privileges and triggers as SQL.
 *
 * Databases with the same catalog give the same text, however the catalog was made. It contains no object ids,
 * passwords or times. Everything is ordered by name, byte by byte.
 */
import type pg from 'pg';
import { SECTIONS } from './catalog.js';

const HEAD = `-- Generated from the migrations by \`npm run generate\`. Do not edit: write a migration.
--
-- The roles, functions, policies, grants and triggers as the database has them after all migrations: what is in force, and in
-- a review, what a migration changes of it. The migration that made a function says why it is as it is.
--
-- Of a table only these are shown. Its columns, keys and indexes are in the migrations. Everything belongs to tenantry_owner
-- unless a line says otherwise, and what an owner may do with its own objects is not listed: a function without a GRANT can
-- be called by its owner alone.
`;

/** One statement, and the object that it is listed under. */
interface Line {
  readonly object: string;
  readonly statement: string;
}

/**
 * @param client a client of a superuser, or of a role that may read the whole catalog; its search_path is changed
 * @returns the text of prisma/kernel.sql
 */
export async function printKernel(client: pg.Client): Promise<string> {
  // With an empty search_path, PostgreSQL writes every name with its schema.
  await client.query("SET search_path = ''");
  const parts: string[] = [HEAD];
  for (const { title, query } of SECTIONS) {
    const { rows } = await client.query<Line>(query);
    parts.push(`\n-- ${title} ${'-'.repeat(118 - title.length)}\n`);
    rows.forEach(({ object, statement }, index) => {
      if (rows[index - 1]?.object !== object) parts.push(`${index > 0 ? '\n' : ''}-- ${object}`);
      parts.push(`${statement.trimEnd()};`);
    });
  }
  return `${parts.join('\n')}\n`;
}

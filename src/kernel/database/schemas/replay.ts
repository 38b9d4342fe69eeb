/**
 * The statements of migrations that are run again for the schema of a tenant: those that make, change and drop tables of the
 * application, and those that change their rows. Keys, indexes, triggers, policies, rights and comments are not run again but
 * copied from `public`, because the functions that make them work for the whole database.
 */
import { MigrationError } from '../migration-error.js';
import type { Migration } from '../migration/folder.js';
import { splitterFor, statementsOf, type ScriptStatement } from './placed-sql.js';

/** Commands that change tables, and those that change rows, up to the name of the table. */
const CHANGES_TABLES =
  /^(?:create table (?:if not exists )?|alter table (?:if exists )?(?:only )?|drop table (?:if exists )?)/;
const CHANGES_ROWS =
  /^(?:update (?:only )?|insert into |delete from (?:only )?|truncate (?:table )?(?:only )?)/;
/** Commands whose objects are there once for all tenants, or are copied from `public`. */
const COPIED =
  /^(?:create (?:unique )?index|drop index|alter index|create (?:or replace )?(?:constraint )?trigger|drop trigger|create policy|alter policy|drop policy|comment|grant|revoke|create (?:or replace )?(?:function|procedure|view)|drop (?:function|procedure|view)|select tenantry|create type|alter type|create schema|set)\b/;

/**
 * The statements of a migration for the schema of a tenant.
 *
 * @param tables the tables of the application, before the migration and after it
 * @throws MigrationError when a statement names one of them and cannot be run again
 */
export function replayOf(
  { name, sql }: Pick<Migration, 'name' | 'sql'>,
  tables: ReadonlySet<string>,
  quotedSchema: string,
): readonly string[] {
  const split = splitterFor(tables);
  return statementsOf(sql)
    .filter((statement) => concerns(statement, tables))
    .filter(({ names }) => !COPIED.test(names.join(' ')) && !isForeignKeyAlone(names))
    .flatMap((statement) => {
      const target = targetOf(statement);
      if (target && tables.has(target.table)) return [split(statement.sql).join(quotedSchema)];
      // Another table, which refers to one of the application or has a column of that name.
      if (target && !target.isOfRows) return [];
      const shown = statement.sql.replace(/\s+/g, ' ').slice(0, 120);
      throw new MigrationError(`a statement of ${name} cannot be run for a schema of its own: ${shown}`);
    });
}

function concerns({ names, literals }: ScriptStatement, tables: ReadonlySet<string>): boolean {
  if (names.some((name) => tables.has(name))) return true;
  return literals.some((literal) => (literal.match(/[\w$]+/g) ?? []).some((word) => tables.has(word)));
}

/** `ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY`: it is copied, and one to `tenants` would not be. */
const isForeignKeyAlone = (names: readonly string[]): boolean =>
  /^alter table .* add constraint \S+ foreign key /.test(`${names.join(' ')} `) && !names.includes('column');

/** What the statement changes, if it is one of the above. */
function targetOf({
  names,
}: ScriptStatement): { readonly table: string; readonly isOfRows: boolean } | undefined {
  const command = names.join(' ');
  const isOfRows = CHANGES_ROWS.test(command);
  const [beginning] = (isOfRows ? CHANGES_ROWS : CHANGES_TABLES).exec(command) ?? [];
  if (beginning === undefined) return undefined;
  const [first = '', second = ''] = command.slice(beginning.length).split(' ');
  return { table: first === 'public' ? second : first, isOfRows };
}

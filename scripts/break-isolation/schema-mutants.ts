/** Mutants of schemas of tenants: a tenant reads or writes where its rows are not, or its rows are left behind. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const ATTACKS = 'test/example/own-schema-attacks.test.ts';
const LIFE = 'test/example/own-schema-life.test.ts';
const MIGRATIONS = 'test/example/own-schema-migrations.slow.test.ts';
const WORDS = 'test/kernel/placed-sql.unit.test.ts';
const COMMANDS = 'test/example/own-schema-commands.slow.test.ts';
const MAKE_SCHEMA = 'src/kernel/database/schemas/make-schema.ts';
const PLACED_SQL = 'src/kernel/database/schemas/placed-sql.ts';

export const schemas: MutantGroup = {
  title: 'Schemas of tenants',
  mutants: [
    {
      name: 'bound-beside-its-schema',
      breaks: 'a tenant with a schema of its own is bound to the tables of all',
      sql: inFunction('bind', 'IF tenantry.has_schemas() THEN', 'IF false THEN'),
      tests: [ATTACKS],
    },
    {
      name: 'bound-to-the-schema-of-another',
      breaks: 'a transaction may name the schema of another tenant',
      sql: inFunction(
        'bind_placed',
        's.subject = tenant AND placed = tenantry.schema_of(tenant)',
        'placed = tenantry.schema_of(s.subject)',
      ),
      tests: [ATTACKS],
    },
    {
      name: 'schema-that-lacks-migrations',
      breaks: 'statements are run in a schema that lacks their columns',
      sql: inFunction(
        'bind_placed',
        '(found_schema.migration COLLATE "C" >= newest COLLATE "C") IS NOT TRUE',
        'false',
      ),
      tests: [ATTACKS],
    },
    {
      name: 'schema-without-its-check',
      breaks: 'the schema of a tenant takes rows of another one',
      edits: [
        edit(
          'src/kernel/database/schemas/make-schema.ts',
          '      for (const table of TABLES) await addOwnCheck(client, tenantId, table);\n',
          '',
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'schema-without-forced-security',
      breaks: 'row-level security of a copied table does not hold its owner',
      edits: [
        edit(
          'src/kernel/database/schemas/structure.ts',
          "CASE WHEN relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END",
          "'NO FORCE'",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'statement-stays-in-public',
      breaks: 'statements of a tenant with a schema are sent to the tables of all',
      edits: [
        edit(
          PLACED_SQL,
          'return pieces.length === 1 ? sql : pieces.join(escapeIdentifier(schema));',
          'return sql;',
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'table-in-a-literal',
      breaks: 'a statement that names a table in a literal is sent',
      edits: [
        edit(
          PLACED_SQL,
          'tables.size > 0 && inLiteral.test(literal)',
          'tables.size < 0 && inLiteral.test(literal)',
        ),
      ],
      tests: [WORDS, ATTACKS],
    },
    {
      name: 'schema-of-another-in-a-statement',
      breaks: 'a statement that names the schema of another tenant is sent',
      edits: [
        edit(
          PLACED_SQL,
          "        if (OWN_SCHEMA.test(name)) throw new UnplacedStatementError('names the schema of a tenant');\n",
          '',
        ),
      ],
      tests: [WORDS, ATTACKS],
    },
    {
      name: 'export-without-what-is-beside',
      breaks: 'an export leaves out rows of the tenant',
      edits: [
        edit(
          'src/services/lifecycle/export-tenant.ts',
          'if (beside!.found) {',
          'if (!beside!.found && beside!.found) {',
        ),
      ],
      tests: [LIFE],
    },
    {
      name: 'erasure-keeps-the-schema',
      breaks: 'the schema, whose name is the id of the tenant, outlives its erasure',
      edits: [
        edit(
          'src/services/lifecycle/erase-tenant.ts',
          "  await signedStep(connection, 'SELECT tenantry.erase_schema($1, $2, $3)', id);\n",
          '',
        ),
      ],
      tests: [LIFE],
    },
    {
      name: 'certificate-with-the-id',
      breaks: 'the certificate of an erasure has the id of the tenant, in the name of its schema',
      edits: [
        edit('src/services/lifecycle/erase-tenant.ts', "schema: 'own_schema' }", 'schema: table.schema }'),
      ],
      tests: [LIFE],
    },
    {
      name: 'move-loses-the-schema',
      breaks: 'a tenant with a schema of its own is moved to the tables of all',
      sql: 'DROP TRIGGER refuse_placed_move ON tenantry.moves',
      tests: [LIFE],
    },
    {
      name: 'schema-is-not-compared',
      breaks: 'a schema that is not like public counts as up to date',
      edits: [
        edit(
          'src/kernel/database/schemas/migrate-schemas.ts',
          'if (problem !== undefined) throw new MigrationError(`it is not like public',
          'if (problem === null) throw new MigrationError(`it is not like public',
        ),
      ],
      tests: [MIGRATIONS],
    },
    {
      name: 'start-overlooks-schemas',
      breaks: 'a server starts where the table of a schema belongs to somebody else',
      edits: [
        edit(
          'src/kernel/database/preparation/protection.ts',
          "OR (n.nspname = 'public' OR n.nspname ~ '^tenant_[0-9a-f]{32}$') AND EXISTS (",
          "OR n.nspname = 'public' AND EXISTS (",
        ),
      ],
      tests: ['test/kernel/protection.slow.test.ts'],
    },
    {
      name: 'search-looks-into-public',
      breaks: 'a search of a tenant with a schema looks for its rows in public, where they are not',
      sql: inFunction('is_placed', 'IF tenantry.has_schemas() THEN', 'IF false THEN'),
      tests: ['test/example/own-schemas.test.ts'],
    },
    {
      name: 'schema-of-a-tenant-to-be-is-removed',
      breaks: 'the schema of a tenant that is being created is taken for one that was left behind',
      edits: [edit(MAKE_SCHEMA, 'await lockMigrations(client);\n    const orphans', 'const orphans')],
      tests: [COMMANDS],
    },
    {
      name: 'schema-with-rows-is-removed',
      breaks: 'a schema that has rows is removed, because its tenant is not found',
      edits: [edit(MAKE_SCHEMA, 'pg_relation_size(c.oid) > 0', 'pg_relation_size(c.oid) < 0')],
      tests: [COMMANDS],
    },
    {
      name: 'schema-of-a-move-is-removed',
      breaks: 'the schema of a tenant that arrives is taken for one that was left behind',
      edits: [edit(MAKE_SCHEMA, 'WHERE m.subject = s.subject)', 'WHERE m.subject <> m.subject)')],
      tests: [COMMANDS],
    },
  ],
};

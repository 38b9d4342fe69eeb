/** Mutants of schemas of tenants: a tenant reads or writes where its rows are not, or its rows are left behind. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const ATTACKS = 'test/example/own-schema-attacks.test.ts';
const LIFE = 'test/example/own-schema-life.test.ts';
const MIGRATIONS = 'test/example/own-schema-migrations.slow.test.ts';
const WORDS = 'test/kernel/placed-sql.unit.test.ts';
const SIDES = 'test/example/tenant-side.slow.test.ts';
const SIDE_ATTACKS = 'test/example/tenant-side-attacks.slow.test.ts';
const COMMANDS = 'test/example/own-schema-commands.slow.test.ts';
const MAKE_SCHEMA = 'src/kernel/database/schemas/make-schema.ts';
const PLACED_SQL = 'src/kernel/database/schemas/placed-sql.ts';

export const schemas: MutantGroup = {
  title: 'Schemas of tenants',
  mutants: [
    {
      name: 'bound-beside-its-schema',
      breaks: 'a tenant with a schema of its own is bound to the tables of all',
      sql: inFunction(
        'bind',
        'IF tenantry.has_schemas() OR tenantry.is_fenced(tenant) THEN',
        'IF false THEN',
      ),
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
      breaks: 'a tenant with a schema of its own is moved to the tables of all of another cell',
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
      name: 'switch-without-the-lock',
      breaks: 'a tenant changes its side while it is written, so that what it writes is lost',
      sql: inFunction('switch_placement', "l.locktype = 'advisory' AND", 'true OR'),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'switch-that-old-snapshots-miss',
      breaks: 'a transaction that has not noticed the switch writes what the tenant has left behind',
      sql: inFunction(
        'switch_placement',
        'UPDATE tenantry.moves m SET since = clock_timestamp() WHERE',
        'PERFORM FROM tenantry.moves m WHERE',
      ),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'switch-under-a-reader',
      breaks: 'a transaction reads the tenant before the switch, and then what it has left behind',
      sql: inFunction(
        'switch_placement',
        'PERFORM pg_advisory_xact_lock(tenantry.reads_of(tenant))',
        'PERFORM tenantry.reads_of(tenant)',
      ),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'switch-to-what-lacks-migrations',
      breaks: 'a tenant is served from a schema that lacks migrations',
      sql: inFunction(
        'switch_placement',
        'coalesce(left_migration, copied_migration) IS DISTINCT FROM',
        'NULL = ',
      ),
      tests: [SIDES],
    },
    {
      name: 'fence-ends-at-the-switch',
      breaks: 'a transaction with an older snapshot finds a tenant that was moved without a fence',
      edits: [edit('src/services/lifecycle/move-side.ts', '  await olderTransactionsEnd(connection);\n', '')],
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'fenced-tenant-has-no-schema',
      breaks: 'a snapshot that is older than the copy of a tenant reads the copy',
      sql: inFunction(
        'bind',
        'tenantry.has_schemas() OR tenantry.is_fenced(tenant)',
        'tenantry.has_schemas()',
      ),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'side-move-does-not-wait',
      breaks: 'what a transaction writes that was open before a move into a schema is not in the copy',
      edits: [edit('src/services/lifecycle/move-side.ts', '  await olderTransactionsEnd(source);\n', '')],
      tests: [SIDES],
    },
    {
      name: 'copy-that-servers-may-use',
      breaks: 'a server reads the schema of a copy',
      edits: [
        edit(
          'src/kernel/database/schemas/make-schema.ts',
          'if (!isCopy) await client.query(`GRANT',
          'await client.query(`GRANT',
        ),
      ],
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'left-schema-that-servers-may-use',
      breaks: 'a server reads the schema that a tenant has left',
      sql: inFunction(
        'settle_move',
        'REVOKE USAGE ON SCHEMA %I FROM tenantry_app',
        'GRANT USAGE ON SCHEMA %I TO tenantry_app',
      ),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'passes-write-beside-the-copy',
      breaks: 'whoever copies a tenant writes its log and the rows that it works with',
      sql: inFunction('require_arrival', 'm.targets @> written', 'true'),
      tests: [SIDE_ATTACKS],
    },
    {
      name: 'all-tables-are-a-copy',
      breaks: 'whoever copies a tenant changes its rows without an entry in its log',
      sql: inFunction('is_copy', 'AND target = ANY (m.targets)', ''),
      tests: [SIDE_ATTACKS],
    },
    ...[
      [
        'write_audit',
        'copy-in-the-log',
        'rows that are copied into a schema are in the audit log as new ones',
      ],
      ['count_added', 'copy-in-the-quota', 'rows that are copied into a schema count twice'],
      ['announce_change', 'copy-as-events', 'rows that are copied into a schema are announced as new ones'],
      ['next_version', 'copy-with-another-version', 'rows that are copied into a schema get another version'],
    ].map(([name = '', mutant = '', breaks = '']) => ({
      name: mutant,
      breaks,
      sql: inFunction(name, 'tenantry.is_copy(TG_RELID)', 'false'),
      tests: [SIDES],
    })),
    {
      name: 'erased-copy-as-events',
      breaks: 'rows that a tenant has left behind are announced as deleted when they are erased',
      edits: [
        edit(
          'src/services/lifecycle/place-in-database.ts',
          "    await query('SET CONSTRAINTS ALL IMMEDIATE');\n",
          '',
        ),
      ],
      tests: [SIDES],
    },
    {
      name: 'copy-is-counted',
      breaks: 'the number of a quota is compared with the rows of a copy',
      sql: inFunction(
        'limited_resources',
        'tenantry.bound_schema() AS own',
        "tenantry.schema_of(nullif(pg_catalog.current_setting('app.current_tenant', true), '')::uuid) AS own",
      ),
      tests: [SIDES],
    },
    {
      name: 'copy-is-exported',
      breaks: 'an archive has rows that the tenant has left behind',
      edits: [edit('src/services/lifecycle/export-tenant.ts', '.filter(({ oid }) => !isCopy.has(oid))', '')],
      tests: [SIDES],
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

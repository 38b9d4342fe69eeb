/** Mutants of exports, imports and erasures: rows of others get in or out, or something of an erased tenant is left. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const ARCHIVE = 'test/services/tenant-archive.slow.test.ts';
const IMPORTS = 'test/services/tenant-import-attacks.test.ts';
const ERASURE = 'test/services/tenant-erasure.slow.test.ts';
const EXPORTS = 'test/platform/tenant-exports.test.ts';
const WAITING = 'test/platform/tenant-erasures.test.ts';

export const lifecycle: MutantGroup = {
  title: 'A tenant’s life',
  mutants: [
    {
      name: 'export-without-condition',
      breaks: 'an export reads a table by its policy alone, so that tables without one are exported whole',
      sql: inFunction(
        'open_tenant_rows',
        'columns, tenantry.only_rows(target), condition, coalesce(',
        "columns, tenantry.only_rows(target), '$1 IS NOT NULL', coalesce(",
      ),
      tests: [ARCHIVE],
    },
    {
      name: 'walk-passes-unplaced-tables',
      breaks: 'a table that cannot be placed is passed over',
      sql: inFunction(
        'tenant_tables',
        "AND declared.kind IS DISTINCT FROM 'shared'",
        "AND declared.kind IS DISTINCT FROM 'shared' AND way.condition IS NOT NULL",
      ),
      tests: [ARCHIVE],
    },
    {
      name: 'walk-in-public-only',
      breaks: 'tables of other schemas are not found',
      sql: inFunction(
        'tenant_tables',
        "n.nspname NOT IN ('pg_catalog', 'information_schema')",
        "n.nspname IN ('public', 'tenantry')",
      ),
      tests: [ERASURE],
    },
    {
      name: 'import-without-count',
      breaks: 'an import takes rows that lead to a row of another tenant',
      sql: inFunction('finish_import', 'IF own <> each.expected THEN', 'IF false THEN'),
      tests: [IMPORTS],
    },
    {
      name: 'import-without-hashes',
      breaks: 'an archive of which bytes were changed is imported',
      edits: [
        edit(
          'src/services/lifecycle/check-archive.ts',
          "sha256 !== (folder?.hash.digest('hex') ?? empty) ||",
          "empty === '' ||",
        ),
      ],
      tests: [IMPORTS],
    },
    {
      name: 'erasure-without-fence',
      breaks: 'transactions are bound to a tenant that is being erased',
      sql: inFunction('open_context', 'IF tenantry.is_fenced(tenant) AND NOT', 'IF false AND NOT'),
      tests: [ERASURE],
    },
    {
      name: 'erasure-waits-for-nobody',
      breaks: 'rows are erased while transactions are open that were bound before',
      edits: [
        edit(
          'src/services/lifecycle/erase-tenant.ts',
          '  await olderTransactionsEnd(connection);\n',
          '  olderTransactionsEnd(connection).catch(() => undefined);\n',
        ),
      ],
      tests: [ERASURE],
    },
    {
      name: 'erasure-without-scan',
      breaks: 'an erasure is certified though the tenant’s id is still in the database',
      edits: [
        edit(
          'src/services/lifecycle/erase-tenant.ts',
          'if (scan.found.length > 0) {',
          'if (scan.tables < 0) {',
        ),
      ],
      tests: [ERASURE],
    },
    {
      name: 'server-may-erase',
      breaks: 'the server’s role may erase tenants',
      sql: `GRANT EXECUTE ON FUNCTION tenantry.start_erasure(uuid, text, bigint, text),
        tenantry.erase_rows(uuid, oid, integer, bigint, text) TO tenantry_app`,
      tests: [IMPORTS],
    },
    {
      name: 'download-by-anybody',
      breaks: 'a link opens an archive for a member who may not export any more',
      edits: [
        edit(
          'src/http/tenant-exports.ts',
          'if (!found || !isAllowed) throw',
          'if (!found && !isAllowed) throw',
        ),
      ],
      tests: [EXPORTS],
    },
    {
      name: 'download-unsigned',
      breaks: 'a link is believed whoever has made it',
      edits: [
        edit(
          'src/services/lifecycle/download-links.ts',
          "if (!keys.trusted.hasSignedBytes(key, bytes, Buffer.from(signature, 'base64url'))) return undefined;",
          'if (bytes.length === 0) return undefined;',
        ),
      ],
      tests: [EXPORTS],
    },
    {
      name: 'export-with-secrets',
      breaks: 'the archive that an owner gets has the hashes of keys',
      edits: [
        edit('src/platform/tenant-export/tenant-export.jobs.ts', "'texts' : 'secrets'", "'texts' : 'none'"),
      ],
      tests: [EXPORTS],
    },
    {
      name: 'erasure-by-an-old-token',
      breaks: 'an old token is enough to have a tenant erased',
      edits: [
        edit(
          'src/platform/tenant-erasure/tenant-erasure.resolvers.ts',
          '      refuseStale(viewer.signedInAt);\n',
          '      refuseStale(viewer.signedInAt && Date.now());\n',
        ),
      ],
      tests: [WAITING],
    },
    {
      name: 'suspended-owners-do-anything',
      breaks: 'the owner of a tenant that waits for its erasure may send any operation',
      edits: [
        edit(
          'src/http/authentication.ts',
          '    hasOnlyFields(body, whileErasing) &&\n',
          '    hasOnlyFields !== undefined && body !== whileErasing &&\n',
        ),
      ],
      tests: [WAITING],
    },
    {
      name: 'suspended-by-an-operator',
      breaks: 'the owner of a tenant that an operator has suspended may export it',
      edits: [
        edit(
          'src/http/authentication.ts',
          '    (await tenantExports.awaitsErasure(viewer, id));',
          "    id !== '' && tenantExports !== undefined;",
        ),
      ],
      tests: [WAITING],
    },
    {
      name: 'waiting-tenants-work',
      breaks: 'workers run all jobs of a tenant that waits for its erasure',
      sql: inFunction('claim_jobs', "AND (chosen.is_active OR known.name = 'tenant-export.write')", ''),
      tests: [WAITING],
    },
  ],
};

/** Mutants of what tenants use: a tenant sees or changes the counts of others, or counts are lost or counted twice. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const COUNTS = 'test/services/tenant-usage.slow.test.ts';
const FIELDS = 'test/services/field-usage.slow.test.ts';
const ATTACKS = 'test/services/tenant-usage-attacks.test.ts';

export const usage: MutantGroup = {
  title: 'What tenants use',
  mutants: [
    {
      name: 'use-of-all-tenants',
      breaks: 'a tenant reads what all tenants have used',
      sql: 'ALTER POLICY tenant_isolation ON tenantry.tenant_usage USING (true)',
      tests: [ATTACKS],
    },
    {
      name: 'use-granted',
      breaks: 'the server’s role may write what tenants have used',
      sql: `GRANT INSERT, UPDATE, DELETE ON tenantry.tenant_usage TO tenantry_app;
        CREATE POLICY writing ON tenantry.tenant_usage TO tenantry_app
          USING (tenant_id = (SELECT tenantry.current_tenant())) WITH CHECK (tenant_id = (SELECT tenantry.current_tenant()))`,
      tests: [ATTACKS],
    },
    {
      name: 'history-without-its-tenant',
      breaks:
        'the read of a tenant’s history does not name the tenant, and relies on row-level security alone',
      edits: [
        edit(
          'src/platform/tenant/usage-history.ts',
          "WHERE tenant_id = ${tenantId}::uuid AND period = 'day'",
          "WHERE period = 'day'",
        ),
      ],
      tests: [ATTACKS],
    },
    {
      name: 'use-in-tenants-transactions',
      breaks: 'SQL in a tenant’s transaction can add to what other tenants have used',
      sql: inFunction(
        'add_tenant_usage',
        "IF current_setting('app.current_tenant', true) <> '' THEN",
        'IF false THEN',
      ),
      tests: [ATTACKS],
    },
    {
      name: 'use-unsigned',
      breaks: 'the database takes counts from whoever can run SQL, where contexts are signed',
      sql: inFunction(
        'add_tenant_usage',
        'PERFORM tenantry.require_signature(',
        "PERFORM concat_ws(E'\\x1f', ",
      ),
      tests: [ATTACKS],
    },
    {
      name: 'use-counted-again',
      breaks: 'a batch that is sent again after a lost answer counts twice',
      sql: inFunction('add_tenant_usage', 'WHERE w.batch < excluded.batch', 'WHERE true'),
      tests: [COUNTS, ATTACKS],
    },
    {
      name: 'use-of-any-time',
      breaks: 'a server adds to days of the future and of years ago',
      sql: inFunction(
        'add_tenant_usage',
        "greatest(least(date_trunc('hour', (each ->> 1)::timestamptz, 'UTC'), this_hour), this_hour - interval '2 days')",
        "date_trunc('hour', (each ->> 1)::timestamptz, 'UTC')",
      ),
      tests: [ATTACKS],
    },
    {
      name: 'use-lost-at-the-end',
      breaks: 'a server that ends does not write what it has counted',
      edits: [
        edit(
          'src/create-services.ts',
          '      await Promise.all(backgrounds.map(({ usageWriter }) => usageWriter.close()));\n',
          '',
        ),
      ],
      tests: [COUNTS],
    },
    {
      name: 'use-of-failed-batches-lost',
      breaks: 'a batch that could not be written is dropped',
      edits: [
        edit(
          'src/services/telemetry/usage-writer.ts',
          '        await this.#send(this.#unanswered);\n        this.#unanswered = undefined;',
          '        const sent = this.#unanswered;\n        this.#unanswered = undefined;\n        await this.#send(sent);',
        ),
      ],
      tests: [COUNTS],
    },
    {
      name: 'fields-of-all-tenants',
      breaks: 'a tenant reads which fields the clients of all tenants use',
      sql: 'ALTER POLICY tenant_isolation ON tenantry.field_usage USING (true)',
      tests: [FIELDS],
    },
    {
      name: 'fields-in-tenants-transactions',
      breaks: 'SQL in a tenant’s transaction can add to what the clients of other tenants use',
      sql: inFunction(
        'add_field_usage',
        "IF current_setting('app.current_tenant', true) <> '' THEN",
        'IF false THEN',
      ),
      tests: [FIELDS],
    },
    {
      name: 'fields-unsigned',
      breaks: 'the database takes counts of fields from whoever can run SQL, where contexts are signed',
      sql: inFunction(
        'add_field_usage',
        'PERFORM tenantry.require_signature(',
        "PERFORM concat_ws(E'\\x1f', ",
      ),
      tests: [FIELDS],
    },
    {
      name: 'clients-without-limit',
      breaks: 'a tenant’s clients fill the database with names',
      sql: inFunction('add_field_usage', 'c.number <= most_clients', 'true'),
      tests: [FIELDS],
    },
  ],
};

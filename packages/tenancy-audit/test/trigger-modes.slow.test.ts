/** The rules T40 and T41: triggers and foreign keys that are not enforced in some sessions. */
import { expect, test } from 'vitest';
import { linesOf, useAuditedDatabase } from './audited-database.js';

const database = useAuditedDatabase();

const RAISE = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'this is never changed'; END $$;`;
const LEDGER = `
  CREATE TABLE ledger (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants,
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), PRIMARY KEY (tenant_id, id)
  );
  SELECT tenantry.isolate('ledger');
  ALTER TABLE ledger OWNER TO tenantry_owner;`;
/** Disables the triggers behind the foreign keys of a table, as \`pg_restore --disable-triggers\` does. */
const unchecked = (table: string): string => `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = '${table}'::regclass AND tgisinternal LOOP
      EXECUTE format('ALTER TABLE ${table} DISABLE TRIGGER %I', name);
    END LOOP;
  END $$;`;

interface Case {
  readonly name: string;
  readonly sql: string;
  readonly finds: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: 'the audit log after a restore of data with --disable-triggers',
    sql: 'ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_log ENABLE TRIGGER ALL',
    finds: ['T40 public.audit_log'],
  },
  {
    name: 'the audit log while such a restore runs, or when it was cut off',
    sql: 'ALTER TABLE audit_log DISABLE TRIGGER USER',
    finds: ['append_only', 'append_only_truncate', 'append_only_update', 'queue_deliveries'].map(
      (trigger) => `T41 public.audit_log.${trigger}`,
    ),
  },
  {
    name: 'an audit log whose guard fires only in replication sessions',
    sql: 'ALTER TABLE audit_log ENABLE REPLICA TRIGGER append_only',
    finds: ['T41 public.audit_log.append_only'],
  },
  {
    name: 'any table whose rows no role can change',
    sql: `${LEDGER} ${RAISE} CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse()`,
    finds: ['T40 public.ledger'],
  },
  {
    name: 'the same guard when it always fires',
    sql: `${LEDGER} ${RAISE} CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse();
      ALTER TABLE ledger ENABLE ALWAYS TRIGGER keep`,
    finds: [],
  },
  {
    name: 'a table that refuses only one kind of change, which is not a log',
    sql: `${LEDGER} ${RAISE} CREATE TRIGGER keep BEFORE DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse()`,
    finds: [],
  },
  {
    name: 'a disabled trigger of a tenant table',
    sql: 'ALTER TABLE memberships DISABLE TRIGGER audit',
    finds: ['T41 public.memberships.audit'],
  },
  {
    name: 'a foreign key that is not checked, seen from its own table',
    sql: unchecked('memberships'),
    finds: ['T41 public.memberships.memberships_tenant_id_fkey'],
  },
];

for (const { name, sql, finds } of CASES) {
  test(name, async () => {
    const lines = linesOf(await database.after(sql));
    expect(lines.filter((line) => /^T4[01] /.test(line))).toEqual(finds);
  });
}

test('the proposed fixes repair the findings', async () => {
  const sql = `${unchecked('memberships')}
    ALTER TABLE audit_log ENABLE TRIGGER append_only; ALTER TABLE audit_log DISABLE TRIGGER append_only_truncate;
    ALTER TABLE memberships DISABLE TRIGGER audit;`;
  const { findings } = await database.after(sql);
  const fixes = findings.flatMap(({ fix }) => fix ?? []);
  expect(fixes).toContain('ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only;');
  expect(linesOf(await database.after(`${sql} ${fixes.join('\n')}`))).toEqual([]);
});

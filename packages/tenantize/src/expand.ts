/**
 * The first part of a conversion, which can be undone: the tables get tenants, keys with the tenant, and row-level
 * security for the new code, while the old code continues unchanged.
 *
 * Each step can be repeated after it was undone, blocks readers and writers only for milliseconds, and leaves both the
 * old and the new code working.
 */
import { APP_ROLE, OPERATOR_ROLE, OWNER_ROLE } from './roles.js';
import { FILL_TRIGGER, type ForeignKey, type Grantee, type Table } from './catalog.js';
import {
  addForeignKey,
  addScopedConstraint,
  createScopedIndex,
  dropConstraint,
  dropScopedForeignKey,
  dropScopedIndex,
  lockEnds,
  type Names,
  replacedForeignKeys,
  replacedKeys,
  scopedForeignKey,
} from './keys.js';
import { type Conversion, tenantMayChange, tenantOf } from './rule.js';
import { inPublic, literal, patiently, quoted, temporaryName } from './sql.js';
import { AN_INSTANT, type Step, labelOf } from './step.js';

/** Proves NOT NULL to PostgreSQL, so that it need not read every row while it locks the table. */
export const PROOF = 'tenantize_tenant_id_not_null';

/** The policy for old code and the owner's trigger during a conversion. */
export const TEMPORARY_POLICY = 'tenantize';

/** The policy with which the owner reads tenant-scoped neighbours; it is named after the conversion's first table. */
export const readPolicy = (tables: readonly Table[]): string => temporaryName(tables[0]?.name ?? '');

/** The trigger's function. */
export const fillFunction = (table: Table): string => `tenantry.${quoted(temporaryName(table.name))}`;

/**
 * The steps, in the order in which they apply.
 *
 * @param entities the names of the tables in the audit log
 * @param read the tables that the rule reads
 * @param names of the new keys
 */
export function expandSteps(
  conversions: readonly Conversion[],
  neighbours: ReadonlyMap<string, Table>,
  entities: ReadonlyMap<string, string>,
  read: readonly string[],
  names: Names,
): Step[] {
  const tables = conversions.map(({ table }) => table);
  const foreignKeys = replacedForeignKeys(tables, neighbours);
  const ends = foreignKeys.flatMap(({ table, references }) => [table, references]);
  const opened = [...new Set([...read, ...ends])]
    .filter((name) => neighbours.get(name)?.scoped === true)
    .sort();
  const filled = conversions.filter(({ rule }) => rule.kind !== 'tenant').map(({ table }) => table);
  return [
    ...opened.map((name) => openNeighbour(name, readPolicy(tables))),
    ...conversions.map(addColumn),
    ...filled.map((table) => backfill(table, 'backfill', 'gives every row its tenant')),
    ...tables.map((table) => requireTenant(table, names, filled.includes(table))),
    ...filled.map((table) => backfill(table, 'sweep', 'looks for rows that were in flight meanwhile')),
    ...tables.map((table) => validateTenant(table, names, filled.includes(table))),
    ...filled.map(setNotNull),
    ...tables.flatMap((table) =>
      replacedKeys(table).map((key) => createKey(table, key, names.indexes.get(key)!)),
    ),
    ...foreignKeys.flatMap((key) => {
      const scoped = scopedForeignKey(key, names.foreignKeys.get(key)!);
      return [pointAgain(key, scoped), validateForeignKey(scoped)];
    }),
    ...tables.map((table) => isolate(table, entities.get(table.name)!)),
  ];
}

function openNeighbour(name: string, policy: string): Step {
  const target = `${quoted(policy)} ON ${inPublic(name)}`;
  return {
    label: labelOf('read', name),
    sql: patiently([name], [`CREATE POLICY ${target} FOR SELECT TO ${OWNER_ROLE} USING (true)`]),
    down: patiently([name], [`DROP POLICY IF EXISTS ${target}`]),
    does: `lets ${OWNER_ROLE} read ${name} without a tenant, to look tenants up and to check keys`,
    locks: `ACCESS EXCLUSIVE on ${name}`,
    lasts: AN_INSTANT,
  };
}

function addColumn(conversion: Conversion): Step {
  const { table, rule } = conversion;
  const target = inPublic(table.name);
  const column =
    rule.kind === 'tenant'
      ? addColumnWithTenant(table, rule.slug)
      : [`ALTER TABLE ${target} ADD COLUMN tenant_id uuid`];
  return {
    label: labelOf('column', table.name),
    sql: patiently(
      [table.name],
      [
        ...column,
        fillFunctionSql(conversion),
        `REVOKE ALL ON FUNCTION ${fillFunction(table)}() FROM PUBLIC`,
        `CREATE TRIGGER ${FILL_TRIGGER} BEFORE INSERT OR UPDATE ON ${target} FOR EACH ROW EXECUTE FUNCTION ${fillFunction(table)}()`,
      ],
    ),
    down: patiently(
      [table.name],
      [
        // Without the trigger the step did nothing, and a column of this name is not its own.
        `DO $drop$
  BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${literal(target)}::regclass AND tgname = '${FILL_TRIGGER}') THEN
      DROP TRIGGER ${FILL_TRIGGER} ON ${target};
      DROP FUNCTION ${fillFunction(table)}();
      ALTER TABLE ${target} DROP COLUMN tenant_id;
    END IF;
  END
  $drop$`,
      ],
    ),
    does:
      rule.kind === 'tenant'
        ? `adds tenant_id, for every row that of ${rule.slug}, and a trigger that gives new rows theirs`
        : 'adds tenant_id, empty, and a trigger that gives written rows their tenant',
    locks: `ACCESS EXCLUSIVE on ${table.name}`,
    lasts: AN_INSTANT,
  };
}

// PostgreSQL stores a constant default in the catalog, so no row is written. The tenant is looked up when the migration
// runs, because its id differs between databases; an empty table needs no tenant.
function addColumnWithTenant(table: Table, slug: string): string[] {
  const target = inPublic(table.name);
  return [
    `DO $column$
  DECLARE
    tenant constant uuid := (SELECT id FROM public.tenants WHERE slug = ${literal(slug)});
  BEGIN
    IF tenant IS NULL AND EXISTS (SELECT FROM ${target}) THEN
      RAISE EXCEPTION 'there is no tenant %, whose the rows of % are to be', ${literal(slug)}, ${literal(table.name)};
    END IF;
    EXECUTE format('ALTER TABLE ${target.replaceAll("'", "''").replaceAll('%', '%%')} ADD COLUMN tenant_id uuid NOT NULL DEFAULT %L', tenant);
  END
  $column$`,
    `ALTER TABLE ${target} ALTER COLUMN tenant_id DROP DEFAULT`,
  ];
}

function fillFunctionSql(conversion: Conversion): string {
  const isFree = conversion.rule.kind === 'expression' || Object.keys(conversion.table.generated).length > 0;
  const path = isFree ? 'pg_catalog, public, pg_temp' : 'pg_catalog, pg_temp';
  return `CREATE FUNCTION ${fillFunction(conversion.table)}() RETURNS trigger
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ${path}
  AS $fill$
  #variable_conflict use_column
  BEGIN
    -- New code binds a tenant; old code knows of none.
    IF TG_OP = 'INSERT' AND NEW.tenant_id IS NULL AND coalesce(current_setting('app.current_tenant', true), '') <> '' THEN
      NEW.tenant_id := tenantry.current_tenant();
    ELSIF NEW.tenant_id IS NULL THEN
      NEW.tenant_id := ${tenantOf(conversion, 'NEW')};
    ELSIF TG_OP = 'UPDATE' THEN
      IF ${tenantMayChange(conversion)} THEN
        NEW.tenant_id := coalesce(${tenantOf(conversion, 'NEW')}, OLD.tenant_id);
      END IF;
    END IF;
    RETURN NEW;
  END
  $fill$`;
}

function backfill(table: Table, action: string, does: string): Step {
  return {
    label: labelOf(action, table.name),
    sql: `CALL tenantry.backfill_tenant(${literal(inPublic(table.name))});`,
    // The filled values are correct, and are dropped with the column.
    down: '',
    does: `${does}, in batches; can be cut off and run again`,
    locks: `of the rows of one batch of ${table.name}`,
    lasts: 'about 0.05 s per batch',
  };
}

function requireTenant(table: Table, names: Names, proof: boolean): Step {
  const target = inPublic(table.name);
  const tenants = tenantKey(table, names);
  const check = `ALTER TABLE ${target} ADD CONSTRAINT ${PROOF} CHECK (tenant_id IS NOT NULL) NOT VALID`;
  return {
    label: labelOf('require', table.name),
    sql: patiently([table.name, 'tenants'], [...(proof ? [check] : []), addForeignKey(tenants)]),
    down: patiently(
      [table.name, 'tenants'],
      [dropScopedForeignKey(table.name, tenants.name), dropConstraint(table.name, PROOF)],
    ),
    does: 'from now on, refuses rows without a tenant (old rows are not looked at yet)',
    locks: `ACCESS EXCLUSIVE on ${table.name}, SHARE ROW EXCLUSIVE on tenants`,
    lasts: AN_INSTANT,
  };
}

function tenantKey(table: Table, names: Names): ForeignKey {
  return {
    name: names.tenants.get(table)!,
    table: table.name,
    columns: ['tenant_id'],
    optional: false,
    references: 'tenants',
    referencedColumns: ['id'],
    actions: 'ON DELETE RESTRICT ON UPDATE RESTRICT',
    updateSetsColumns: false,
    full: false,
    deferral: '',
    validated: false,
  };
}

function validateTenant(table: Table, names: Names, proof: boolean): Step {
  const constraints = [...(proof ? [PROOF] : []), quoted(tenantKey(table, names).name)];
  const validations = constraints.map((constraint) => `VALIDATE CONSTRAINT ${constraint}`);
  return {
    label: labelOf('validate', table.name),
    sql: `ALTER TABLE ${inPublic(table.name)} ${validations.join(', ')};`,
    down: '',
    does: 'looks at every row: each has a tenant, and the tenant exists',
    locks: `SHARE UPDATE EXCLUSIVE on ${table.name} (hinders neither readers nor writers)`,
    lasts: 'one reading of the table',
  };
}

function setNotNull({ name }: Table): Step {
  const target = inPublic(name);
  return {
    label: labelOf('not_null', name),
    sql: patiently([name], [`ALTER TABLE ${target} ALTER COLUMN tenant_id SET NOT NULL`]),
    down: patiently([name], [`ALTER TABLE ${target} ALTER COLUMN tenant_id DROP NOT NULL`]),
    does: 'makes tenant_id NOT NULL; the validated constraint is the proof, so that no row is read',
    locks: `ACCESS EXCLUSIVE on ${name}`,
    lasts: AN_INSTANT,
  };
}

function createKey(table: Table, key: Table['uniqueKeys'][number], index: string): Step {
  const common = {
    label: labelOf('key', index.replace(/^tenantize_/, '')),
    // An interrupted build leaves an invalid index.
    down: patiently([table.name], [dropScopedIndex(table, key, index)]),
    does: `builds ${index}, which is to replace ${key.index}`,
  };
  if (key.deferral !== '') {
    return {
      ...common,
      sql: patiently([table.name], [addScopedConstraint(table, key, index)]),
      does: `${common.does}; it is deferrable, and cannot be built beside readers and writers`,
      locks: `ACCESS EXCLUSIVE on ${table.name} (hinders readers and writers)`,
      lasts: 'one reading of the table',
    };
  }
  return {
    ...common,
    sql: createScopedIndex(table, key, index),
    locks: `SHARE UPDATE EXCLUSIVE on ${table.name} (hinders neither readers nor writers)`,
    lasts: 'two readings of the table; waits for older transactions',
  };
}

function pointAgain(key: ForeignKey, scoped: ForeignKey): Step {
  return {
    label: labelOf('fk', scoped.name),
    sql: patiently(
      [key.table, key.references],
      [lockEnds(key, 'SHARE ROW EXCLUSIVE'), addForeignKey(scoped)],
    ),
    down: patiently(
      [key.table, key.references],
      [lockEnds(key, 'ACCESS EXCLUSIVE'), dropScopedForeignKey(key.table, scoped.name)],
    ),
    does: `adds ${scoped.name}, which is to replace ${key.name} (old rows are not looked at yet)`,
    locks: `SHARE ROW EXCLUSIVE on ${key.table} and ${key.references} (hinders writers)`,
    lasts: AN_INSTANT,
  };
}

function validateForeignKey(key: ForeignKey): Step {
  return {
    label: labelOf('validate', key.name),
    sql: `ALTER TABLE ${inPublic(key.table)} VALIDATE CONSTRAINT ${quoted(key.name)};`,
    down: '',
    does: `looks at every row of ${key.table}: none points at another tenant`,
    locks: `SHARE UPDATE EXCLUSIVE on ${key.table} (hinders neither readers nor writers)`,
    lasts: 'one reading of the table',
  };
}

/** The row-level security of `tenantry.protect`, and an additional policy for roles without a tenant. */
function isolate(table: Table, entity: string): Step {
  const target = inPublic(table.name);
  const old = oldRoles(table);
  const roles = `${APP_ROLE}, ${OPERATOR_ROLE}`;
  return {
    label: labelOf('isolate', table.name),
    sql: patiently(
      [table.name],
      [
        `ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
        `CREATE POLICY ${TEMPORARY_POLICY} ON ${target} TO ${[OWNER_ROLE, ...old.map(quoted)].join(', ')} USING (true) WITH CHECK (true)`,
        isolationPolicy(target),
        `SELECT tenantry.audit(${literal(target)}, ${literal(entity)})`,
        `REVOKE ALL ON ${target} FROM ${roles}`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ${target} TO ${roles}`,
        ...table.sequences.map(({ name }) => `GRANT USAGE ON SEQUENCE ${inPublic(name)} TO ${roles}`),
      ],
    ),
    down: patiently(
      [table.name],
      [
        `DROP TRIGGER IF EXISTS audit ON ${target}`,
        `DROP POLICY IF EXISTS tenant_isolation ON ${target}`,
        `DROP POLICY IF EXISTS ${TEMPORARY_POLICY} ON ${target}`,
        `ALTER TABLE ${target} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY`,
        ...grantsAsBefore(target, table.grantees),
        ...table.sequences.flatMap(({ name, grantees }) =>
          grantsAsBefore(`SEQUENCE ${inPublic(name)}`, grantees),
        ),
      ],
    ),
    does:
      `turns on row-level security and the audit log: ${roles} may use the table within a tenant` +
      (old.length === 0 ? '' : `, ${old.join(', ')} as before`),
    locks: `ACCESS EXCLUSIVE on ${table.name}`,
    lasts: AN_INSTANT,
  };
}

/** Restores the previous grants of Tenantry's roles. */
function grantsAsBefore(object: string, grantees: readonly Grantee[]): string[] {
  const ours = grantees.filter(
    ({ name, privileges }) => (name === APP_ROLE || name === OPERATOR_ROLE) && privileges.length > 0,
  );
  return [
    `REVOKE ALL ON ${object} FROM ${APP_ROLE}, ${OPERATOR_ROLE}`,
    ...ours.map(({ name, privileges }) => `GRANT ${privileges.join(', ')} ON ${object} TO ${name!}`),
  ];
}

/** The roles of old code: subject to row-level security, and without a tenant. */
export const oldRoles = ({ grantees }: { readonly grantees: readonly Grantee[] }): string[] =>
  grantees
    .filter(({ unbound, name }) => !unbound && name !== APP_ROLE && name !== OPERATOR_ROLE)
    .flatMap(({ name }) => name ?? []);

function isolationPolicy(target: string): string {
  const text = target.replaceAll("'", "''").replaceAll('%', '%%');
  return `DO $policy$
  BEGIN
    EXECUTE format(
      'CREATE POLICY tenant_isolation ON ${text} USING (%1$s) WITH CHECK (%1$s)', tenantry.isolation_predicate('tenant_id'));
  END
  $policy$`;
}

/**
 * The second part of a conversion, for when no old code runs any more: drops the old keys, the temporary trigger and
 * policies, and applies `tenantry.protect` to each table. It cannot be undone: from here on, rows of two tenants may
 * have the same key.
 */
import { FILL_TRIGGER, type ForeignKey, type Table, type UniqueKey } from './catalog.js';
import { PROOF, TEMPORARY_POLICY, fillFunction, oldRoles, readPolicy } from './expand.js';
import {
  counterparts,
  demandCounterparts,
  demandForeignKey,
  dropConstraint,
  isSameForeignKey,
  lockEnds,
  replacedForeignKeys,
  scopedForeignKey,
} from './keys.js';
import { inPublic, literal, patiently, quoted } from './sql.js';
import { AN_INSTANT, type Step, labelOf } from './step.js';

/** The steps, in the order in which they apply. The first is the point of no return. */
export function contractSteps(
  tables: readonly Table[],
  neighbours: ReadonlyMap<string, Table>,
  entities: ReadonlyMap<string, string>,
): Step[] {
  const opened = [...neighbours.values()].filter(({ policies }) => policies.includes(readPolicy(tables)));
  return [
    ...replacedForeignKeys(tables, neighbours).map(dropForeignKey),
    ...tables.map((table) => finish(table, entities.get(table.name)!)),
    ...opened.map(({ name }) => closeNeighbour(name, readPolicy(tables))),
  ];
}

/** The missing parts of the first part, as text; empty when the second may begin. */
export function unfinished(tables: readonly Table[], neighbours: ReadonlyMap<string, Table>): string[] {
  const missing: string[] = [];
  for (const table of tables) {
    if (!table.policies.includes('tenant_isolation')) missing.push(`row-level security on ${table.name}`);
    for (const [key, counterpart] of counterparts(table)) {
      if (counterpart === undefined) missing.push(`the index that replaces ${key.index}`);
    }
  }
  const ends = tables.flatMap(({ foreignKeys, references }) => [...foreignKeys, ...references]);
  for (const key of replacedForeignKeys(tables, neighbours)) {
    const scoped = scopedForeignKey(key, '');
    if (!ends.some((other) => other.validated && isSameForeignKey(other, scoped))) {
      missing.push(`the foreign key that replaces ${key.name}`);
    }
  }
  return missing;
}

function dropForeignKey(key: ForeignKey): Step {
  const { name, table, references } = key;
  return {
    label: labelOf('drop', name),
    sql: patiently(
      [table, references],
      [
        lockEnds(key, 'ACCESS EXCLUSIVE'),
        demandForeignKey(scopedForeignKey(key, '')),
        dropConstraint(table, name),
      ],
    ),
    down: undefined,
    does: `drops ${name}, which has been replaced`,
    locks: `ACCESS EXCLUSIVE on ${table} and ${references}`,
    lasts: AN_INSTANT,
  };
}

function finish(table: Table, entity: string): Step {
  const target = inPublic(table.name);
  const old = oldRoles(table);
  return {
    label: labelOf('finish', table.name),
    sql: patiently(
      [table.name],
      [
        ...[...counterparts(table)].flatMap(([key, counterpart]) => replaceKey(table, key, counterpart!)),
        demandCounterparts(table),
        dropConstraint(table.name, PROOF),
        `DROP TRIGGER ${FILL_TRIGGER} ON ${target}`,
        `DROP FUNCTION ${fillFunction(table)}()`,
        `ALTER TABLE ${target} ALTER COLUMN tenant_id SET DEFAULT tenantry.current_tenant()`,
        `DROP POLICY ${TEMPORARY_POLICY} ON ${target}`,
        ...(old.length === 0 ? [] : [`REVOKE ALL ON ${target} FROM ${old.map(quoted).join(', ')}`]),
        ...table.sequences.flatMap(revokeFromOld),
        `SELECT tenantry.protect(${literal(target)}, ${literal(entity)})`,
      ],
    ),
    down: undefined,
    does:
      'drops the keys that have been replaced and what was temporary, and protects the table' +
      (old.length === 0 ? '' : `; ${old.join(', ')} may no longer use it`),
    locks: `ACCESS EXCLUSIVE on ${table.name}`,
    lasts: AN_INSTANT,
  };
}

function revokeFromOld({ name, grantees }: Table['sequences'][number]): string[] {
  const old = oldRoles({ grantees }).map(quoted).join(', ');
  return old === '' ? [] : [`REVOKE ALL ON SEQUENCE ${inPublic(name)} FROM ${old}`];
}

function replaceKey(table: Table, key: UniqueKey, counterpart: UniqueKey): string[] {
  const alter = `ALTER TABLE ${inPublic(table.name)}`;
  const index = quoted(counterpart.index);
  const name = quoted(key.index);
  if (key.primary) {
    return [`${alter} DROP CONSTRAINT ${name}, ADD CONSTRAINT ${name} PRIMARY KEY USING INDEX ${index}`];
  }
  // What replaces a deferrable constraint is a constraint already.
  if (key.constraint && key.deferral !== '') return [`${alter} DROP CONSTRAINT ${name}`];
  if (key.constraint) {
    return [`${alter} DROP CONSTRAINT ${name}, ADD CONSTRAINT ${index} UNIQUE USING INDEX ${index}`];
  }
  return [`DROP INDEX ${inPublic(key.index)}`];
}

function closeNeighbour(name: string, policy: string): Step {
  return {
    label: labelOf('close', name),
    sql: patiently([name], [`DROP POLICY IF EXISTS ${quoted(policy)} ON ${inPublic(name)}`]),
    down: undefined,
    does: `takes back what let the owner read ${name} without a tenant`,
    locks: `ACCESS EXCLUSIVE on ${name}`,
    lasts: AN_INSTANT,
  };
}
